// <cloud-tasks-timeline>: lanes of queues and tasks, details of the selected item, and the events as a list.
//
// Lanes form a grid. Only its visible part is in the document, so that ten thousand attempts scroll as fast as ten.
// The Tab key stops once in the grid; the arrow keys move from mark to mark and from lane to lane.

const HEAD = 34;
const NARROW = 520;
/** Pixels around the visible part that are drawn as well. */
const MARGIN = 300;
/** Kinds of items that the keyboard can select. */
const REACHED = new Set(["attempt", "call", "fault", "mark", "fold"]);

/** @typedef {{lane: Lane, y: number, height: number, items: Item[], reached: Item[]}} Row */
/** @typedef {{element: HTMLElement, drawn: Map<Item, HTMLElement>, name: HTMLElement}} Drawn */

class CloudTasksTimeline extends HTMLElement {
  constructor() {
    super();
    this.model = new Model();
    /** The instant (ms since 1970) of offset 0, on a page that shows times of day. */
    this.origin = NaN;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Axis} */
    this.axis = { ticks: [], gaps: [], end: 0, width: 0 };
    /** @type {Map<number, Drawn>} */
    this.drawn = new Map();
    /** @type {{row: number, item: Item | null}} */
    this.current = { row: 0, item: null };
    /** @type {Item | null} */
    this.selected = null;
    /** @type {HTMLElement | null} */
    this.opener = null;
    this.frame = 0;
    this.isReady = false;
    this.filter = made("input");
    this.failing = made("input");
    this.empty = made("p", "quiet", "Nothing has happened in this test.");
    this.stage = made("div", "stage");
    this.lanes = made("div", "lanes");
    this.scale = made("div", "axis");
    this.body = made("div", "rows");
    this.legend = made("ul", "legend");
    this.panel = new Panel((step) => this.beside(step), () => this.close());
    this.list = new EventList((item) => this.select(item, true));
  }

  connectedCallback() {
    if (this.isReady) return;
    this.isReady = true;
    const tools = made("div", "tools", "", this);
    made("h2", "", "Timeline", tools);
    const label = made("label", "", "Filter ", tools);
    label.append(this.filter);
    this.filter.type = "search";
    this.filter.placeholder = "task, URL, queue or state";
    this.filter.oninput = () => this.update();
    const failing = made("label", "check", "", tools);
    failing.append(this.failing, "failures only");
    this.failing.type = "checkbox";
    this.failing.onchange = () => this.update();
    this.append(this.empty, this.stage, this.legend);
    this.stage.append(this.lanes, this.panel.element);
    this.lanes.append(this.scale, this.body);
    this.lanes.setAttribute("role", "grid");
    this.lanes.setAttribute("aria-label", "Queues and tasks over time; the list of events below has the same content");
    this.scale.setAttribute("aria-hidden", "true");
    this.body.setAttribute("role", "rowgroup");
    this.legend.setAttribute("aria-label", "Legend");
    this.append(this.list.element);
    this.lanes.addEventListener("scroll", () => this.later(), { passive: true });
    this.lanes.addEventListener("keydown", (event) => this.key(event));
    this.lanes.addEventListener("click", (event) => this.clicked(event));
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.panel.isOpen) this.close();
    });
    new ResizeObserver(() => this.resized()).observe(this.lanes);
    this.update();
  }

  /** @param {Timeline} timeline */
  set timeline(timeline) {
    this.model = new Model();
    for (const event of timeline.events) this.model.add(event);
    this.model.now = Math.max(this.model.now, timeline.now);
    if (this.isReady) this.update();
  }

  /**
   * Add new events.
   * @param {TimelineEvent[]} events
   * @param {number} now
   */
  extend(events, now) {
    const wasAtEnd = this.lanes.scrollLeft + this.lanes.clientWidth >= this.lanes.scrollWidth - 8;
    for (const event of events) this.model.add(event);
    this.model.now = Math.max(this.model.now, now);
    this.update();
    if (wasAtEnd) this.lanes.scrollLeft = this.lanes.scrollWidth;
  }

  /** @returns {(seconds: number) => string} */
  get instantText() {
    if (Number.isNaN(this.origin)) return offsetText;
    return (seconds) => {
      const instant = new Date(this.origin + seconds * 1000);
      return instant.toLocaleTimeString("en-GB") + (seconds % 1 ? "." + String(instant.getMilliseconds()).padStart(3, "0") : "");
    };
  }

  get isNarrow() {
    return this.lanes.clientWidth <= NARROW;
  }

  /** Compute the whole layout again. */
  update() {
    if (!this.isReady) return;
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isFiltered = words.length > 0 || this.failing.checked;
    const matches = (/** @type {Lane} */ task) =>
      (!this.failing.checked || task.failures > 0) && words.every((word) => task.searched.includes(word));
    /** @type {Lane[]} */
    const lanes = this.model.calls.items.length && !isFiltered ? [this.model.calls] : [];
    for (const queue of this.model.queues.values()) {
      const tasks = isFiltered ? queue.tasks.filter(matches) : queue.tasks;
      if (tasks.length || !isFiltered) lanes.push(queue, ...tasks);
    }
    const placed = lanes.map((lane) => ({ lane, items: this.itemsOf(lane) }));
    const spans = lanes.flatMap((lane) => lane.spans);
    for (const span of spans) {
      if (span.open) span.name = `${span.look} for ${durationText(this.model.now - span.at)}, until the end`;
    }
    const hasEvents = this.model.events.length > 0;
    this.empty.hidden = hasEvents;
    this.stage.hidden = !hasEvents;
    this.list.element.hidden = !hasEvents;
    this.axis = laidOut(placed, spans, this.model.now, this.instantText);
    this.place(placed);
    this.drawLegend(placed);
    const events = listedEvents(this.model.events);
    const shown = new Set(lanes);
    const isShown = (/** @type {TimelineEvent} */ event) => shown.has(/** @type {Lane} */ (this.model.items.get(event)?.lane));
    this.list.instantText = this.instantText;
    this.list.show(isFiltered ? events.filter(isShown) : events, this.model.items);
  }

  /**
   * @param {Lane} lane
   * @returns {Item[]}
   */
  itemsOf(lane) {
    const items = lane.kind === "task" ? [...lane.items, ...this.model.toCome(lane)] : lane.items;
    const isSorted = items.every((item, index) => index === 0 || items[index - 1].at <= item.at);
    return isSorted ? items : [...items].sort((one, other) => one.at - other.at);
  }

  /** @param {{lane: Lane, items: Item[]}[]} placed */
  place(placed) {
    let y = 0;
    const isNarrow = this.isNarrow;
    this.rows = placed.map(({ lane, items }) => {
      const marks = lane.rows * 30 + 10;
      const name = lane.kind === "task" ? 44 : HEAD;
      let height = isNarrow ? name + (items.length ? marks - 6 : 0) : Math.max(name, marks);
      if (lane.note) height += 26;
      const row = { lane, y, height, items, reached: items.filter((item) => REACHED.has(item.kind)) };
      y += height;
      return row;
    });
    this.lanes.classList.toggle("narrow", isNarrow);
    this.lanes.setAttribute("aria-rowcount", String(this.rows.length));
    this.body.style.height = `${y}px`;
    this.body.style.width = this.scale.style.width = `calc(var(--name) + ${this.axis.width}px)`;
    if (!this.rows[this.current.row]?.items.includes(/** @type {Item} */ (this.current.item))) {
      this.current = { row: Math.min(this.current.row, Math.max(0, this.rows.length - 1)), item: null };
    }
    const hadFocus = this.body.contains(document.activeElement);
    this.body.replaceChildren();
    this.drawn.clear();
    this.render();
    if (hadFocus) this.focusCurrent();
  }

  resized() {
    if (this.lanes.classList.contains("narrow") !== this.isNarrow && this.rows.length) {
      this.place(this.rows.map(({ lane, items }) => ({ lane, items })));
    } else this.later();
  }

  later() {
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.render();
      });
    }
  }

  /** Draw the visible part, and remove the rest. */
  render() {
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.lanes;
    const top = scrollTop - MARGIN;
    const bottom = scrollTop + clientHeight + MARGIN;
    const left = scrollLeft - MARGIN;
    const right = scrollLeft + clientWidth + MARGIN;
    this.drawAxis(left, right);
    const first = lowest(this.rows.length, (index) => this.rows[index].y + this.rows[index].height >= top);
    const wanted = new Set();
    for (let index = first; index < this.rows.length && this.rows[index].y <= bottom; index++) wanted.add(index);
    if (this.rows.length) wanted.add(this.current.row);
    for (const [index, drawn] of this.drawn) {
      if (wanted.has(index)) continue;
      drawn.element.remove();
      this.drawn.delete(index);
    }
    let before = /** @type {ChildNode | null} */ (this.body.firstChild);
    for (const index of [...wanted].sort((one, other) => one - other)) {
      let drawn = this.drawn.get(index);
      if (!drawn) {
        drawn = this.drawRow(index);
        this.drawn.set(index, drawn);
        this.body.insertBefore(drawn.element, before);
      } else before = drawn.element.nextSibling;
      this.drawItems(this.rows[index], drawn, index, left, right);
    }
  }

  /**
   * @param {number} left
   * @param {number} right
   */
  drawAxis(left, right) {
    const parts = document.createDocumentFragment();
    const { ticks, gaps, end } = this.axis;
    const isSeen = (/** @type {number} */ x, /** @type {number} */ width) => x <= right && x + width >= left;
    for (const { x, width, text } of gaps) {
      if (!isSeen(x, width)) continue;
      const gap = made("div", "gap", "", parts);
      gap.style.left = `calc(var(--name) + ${x}px)`;
      gap.style.width = `${width}px`;
      made("span", "", text, gap);
    }
    for (const { x, text } of ticks) {
      if (!isSeen(x, 120)) continue;
      made("div", "tick", text, parts).style.left = `calc(var(--name) + ${x}px)`;
    }
    if (isSeen(end, 0)) {
      const now = made("div", "now", "", parts);
      now.style.left = `calc(var(--name) + ${end}px)`;
      now.style.height = `calc(${this.body.style.height} + 40px)`;
    }
    made("div", "corner", Number.isNaN(this.origin) ? "since time is held" : "time of day", parts);
    this.scale.replaceChildren(parts);
  }

  /**
   * @param {number} index
   * @returns {Drawn}
   */
  drawRow(index) {
    const { lane, y, height } = this.rows[index];
    const element = made("div", `lane ${lane.kind}`);
    element.setAttribute("role", "row");
    element.setAttribute("aria-rowindex", String(index + 1));
    element.style.top = `${y}px`;
    element.style.height = `${height}px`;
    const name = made("div", "name", "", element);
    name.setAttribute("role", "rowheader");
    const button = made("div", "open", "", name);
    button.tabIndex = -1;
    button.dataset.row = String(index);
    const line = made("span", "title", "", button);
    made("bdi", "", cut(lane.title, 300), line);
    if (lane.kind === "task") {
      const below = made("span", "below", "", button);
      made("span", `state ${lane.state}`, lane.state, below);
      made("bdi", "quiet", cut([lane.host, lane.id].filter(Boolean).join(" · "), 300), below);
      button.title = printable(cut(`${lane.created?.method ?? ""} ${lane.created?.url ?? ""}\n${lane.short}`, 1000));
      button.setAttribute("aria-label", printable(cut(this.spoken(lane), 1000)));
    } else {
      if (lane.kind === "queue") {
        if (lane.state !== "running") made("span", `state ${lane.state}`, lane.state, line);
        made("span", "quiet count", counted(lane.tasks.length, "task"), line);
        button.title = printable(cut(lane.name, 1000));
      }
      button.setAttribute("aria-label", printable(cut(this.spoken(lane), 1000)));
    }
    if (lane.note) made("div", "note", lane.note, element);
    return { element, drawn: new Map(), name: button };
  }

  /** @param {Lane} lane */
  spoken(lane) {
    if (lane.kind === "calls") return "Calls and faults";
    if (lane.kind === "queue") return `queue ${lane.id}, ${lane.state}, ${counted(lane.tasks.length, "task")}`;
    const request = lane.created?.url ? `${lane.created.method} ${lane.created.url}` : "pull task";
    return `task ${lane.short}, ${request}, ${lane.state}, ${counted(lane.attempts, "attempt")}`;
  }

  /**
   * @param {Row} row
   * @param {Drawn} drawn
   * @param {number} index
   * @param {number} left
   * @param {number} right
   */
  drawItems(row, drawn, index, left, right) {
    const { items, lane } = row;
    const wanted = new Set();
    const spans = lane.kind === "queue" ? lane.spans : lane.queue?.spans ?? [];
    for (const span of spans) if (span.x <= right && span.x + span.width >= left) wanted.add(span);
    const from = lowest(items.length, (one) => lane.ends[one] >= left);
    for (let at = from; at < items.length && items[at].x <= right; at++) {
      if (items[at].x + items[at].width >= left) wanted.add(items[at]);
    }
    if (this.current.row === index && this.current.item) wanted.add(this.current.item);
    for (const [item, element] of drawn.drawn) {
      if (wanted.has(item)) continue;
      element.remove();
      drawn.drawn.delete(item);
    }
    for (const item of wanted) {
      if (!drawn.drawn.has(item)) drawn.drawn.set(item, this.drawItem(item, drawn.element));
    }
    const isHere = this.current.row === index;
    drawn.name.tabIndex = isHere && !this.current.item ? 0 : -1;
    for (const [item, element] of drawn.drawn) {
      if (REACHED.has(item.kind)) element.tabIndex = isHere && item === this.current.item ? 0 : -1;
      element.classList.toggle("selected", item === this.selected);
    }
  }

  /**
   * @param {Item} item
   * @param {HTMLElement} parent
   */
  drawItem(item, parent) {
    const isReached = REACHED.has(item.kind);
    const kind = { attempt: "a", call: "c", fault: "c", mark: "m", created: "m created", due: "m due", fold: "f", span: "s" }[item.kind] ?? "l";
    const element = made("div", `${kind} ${item.kind} ${item.look}`, "", parent);
    if (item.label) made("span", "", cut(item.label, 80), element);
    element.style.left = `calc(var(--name) + ${item.x}px)`;
    if (item.kind !== "created" && item.kind !== "due") element.style.width = `${item.width}px`;
    if (item.row) element.style.marginTop = `${item.row * 30}px`;
    element.title = printable(cut(item.name, 300));
    if (isReached) {
      element.setAttribute("role", "gridcell");
      element.setAttribute("aria-label", printable(cut(item.name, 300)));
      marked.set(element, item);
    } else element.setAttribute("aria-hidden", "true");
    return element;
  }

  /** @param {{items: Item[]}[]} placed */
  drawLegend(placed) {
    const looks = new Set();
    const kinds = new Set();
    for (const { items } of placed) {
      for (const item of items) {
        kinds.add(item.kind);
        if (item.kind === "attempt") looks.add(item.look);
        if (item.label === "■") kinds.add("end");
      }
    }
    this.legend.replaceChildren();
    const add = (/** @type {string} */ className, /** @type {string} */ label, /** @type {string} */ text) => {
      const line = made("li", "", "", this.legend);
      made("span", className, label, line).setAttribute("aria-hidden", "true");
      made("span", "", text, line);
    };
    const labels = /** @type {Record<string, string>} */ ({ ok: "200", other: "302", client: "404", throttled: "429", server: "503", deadline: "late", none: "none", open: "…" });
    for (const [look, name] of ATTEMPTS) if (looks.has(look)) add(`a ${look}`, labels[look], name);
    if (kinds.has("created")) add("m created", "", "created");
    if (kinds.has("wait")) add("l wait", "", "waiting for its schedule time");
    if (kinds.has("held")) add("l held", "", "due, but held back");
    if (kinds.has("due")) add("m due", "", "due after the end");
    if (kinds.has("end")) add("m", "■", "no retry left");
    if (kinds.has("fault")) add("c fault", "fault", "a fault that the test set");
    if (this.model.events.length) add("now", "", Number.isNaN(this.origin) ? "end of the test" : "now");
  }

  // --- what is selected ----------------------------------------------------------------------------------------------

  /**
   * Show the details of an item.
   * @param {Item} item
   * @param {boolean} takesFocus
   */
  select(item, takesFocus) {
    const row = this.rows.findIndex(({ lane }) => lane === item.lane);
    if (row >= 0) this.current = { row, item: REACHED.has(item.kind) ? item : null };
    this.selected = item;
    this.show(detailsOfItem(item, this.instantText), takesFocus);
    if (row < 0) return;
    this.reveal();
    // If the panel covers part of the page, the mark stays visible.
    if (getComputedStyle(this.panel.element).position !== "fixed") return;
    this.drawn.get(row)?.drawn.get(item)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /**
   * @param {Details} details
   * @param {boolean} takesFocus
   */
  show(details, takesFocus) {
    if (takesFocus) this.opener = /** @type {HTMLElement | null} */ (document.activeElement);
    this.stage.classList.add("with-details");
    this.panel.show(details, takesFocus);
    this.later();
  }

  close() {
    const hadFocus = this.panel.close();
    this.selected = null;
    this.stage.classList.remove("with-details");
    this.render();
    if (!hadFocus) return;
    if (this.opener?.isConnected && !this.body.contains(this.opener)) this.opener.focus();
    else this.focusCurrent();
  }

  /**
   * Select the mark before or after the selected one.
   * @param {number} step
   */
  beside(step) {
    const row = this.rows[this.current.row];
    if (!row) return;
    const at = this.current.item ? row.reached.indexOf(this.current.item) : -1;
    const next = row.reached[at + step];
    if (next) this.select(next, false);
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const item = marked.get(/** @type {HTMLElement} */ (target.closest("[role=gridcell]") ?? target));
    if (item) return this.select(item, false);
    const name = /** @type {HTMLElement | null} */ (target.closest("[data-row]"));
    if (name) this.open(Number(name.dataset.row), false);
  }

  /**
   * Show the details of a lane.
   * @param {number} index
   * @param {boolean} takesFocus
   */
  open(index, takesFocus) {
    const row = this.rows[index];
    if (!row) return;
    this.current = { row: index, item: null };
    this.selected = null;
    if (row.lane.kind === "task") this.show(detailsOfTask(row.lane, this.instantText), takesFocus);
    if (row.lane.kind === "queue") this.show(detailsOfQueue(row.lane, this.instantText), takesFocus);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const row = this.rows[this.current.row];
    if (!row || event.altKey || event.metaKey) return;
    const items = row.reached;
    const at = this.current.item ? items.indexOf(this.current.item) : -1;
    const page = Math.max(1, Math.floor(this.lanes.clientHeight / 60));
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.current.item) this.select(this.current.item, true);
      else this.open(this.current.row, true);
    } else if (event.key === "ArrowRight") this.go(event, this.current.row, items[at + 1] ?? this.current.item);
    else if (event.key === "ArrowLeft") this.go(event, this.current.row, at > 0 ? items[at - 1] : null);
    else if (event.key === "Home") this.go(event, event.ctrlKey ? 0 : this.current.row, null);
    else if (event.key === "End") this.go(event, event.ctrlKey ? this.rows.length - 1 : this.current.row, items[items.length - 1] ?? null);
    else if (event.key === "ArrowDown") this.goRow(event, 1);
    else if (event.key === "ArrowUp") this.goRow(event, -1);
    else if (event.key === "PageDown") this.goRow(event, page);
    else if (event.key === "PageUp") this.goRow(event, -page);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} step
   */
  goRow(event, step) {
    const index = Math.max(0, Math.min(this.rows.length - 1, this.current.row + step));
    const from = this.current.item;
    const reached = this.rows[index].reached;
    const near = (/** @type {Item} */ item) => (from ? Math.abs(item.x - from.x) : 0);
    const item = from && reached.length ? reached.reduce((best, one) => (near(one) < near(best) ? one : best)) : null;
    this.go(event, index, item);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} row
   * @param {Item | null} item
   */
  go(event, row, item) {
    event.preventDefault();
    if (event.ctrlKey && this.rows[row] && event.key === "End") item = this.rows[row].reached[this.rows[row].reached.length - 1] ?? null;
    this.current = { row, item };
    this.reveal();
    this.focusCurrent();
    if (item && this.panel.isOpen) this.select(item, false);
  }

  /** Scroll to the focused item. */
  reveal() {
    const row = this.rows[this.current.row];
    const lanes = this.lanes;
    const view = lanes.clientHeight - this.scale.offsetHeight;
    if (row.y < lanes.scrollTop) lanes.scrollTop = row.y;
    else if (row.y + row.height > lanes.scrollTop + view) lanes.scrollTop = row.y + row.height - view + 8;
    const item = this.current.item;
    if (item) {
      const room = lanes.clientWidth - (this.isNarrow ? 0 : this.scale.querySelector(".corner")?.clientWidth ?? 0);
      if (item.x < lanes.scrollLeft + 8) lanes.scrollLeft = item.x - 24;
      else if (item.x + Math.min(item.width, room - 32) > lanes.scrollLeft + room) lanes.scrollLeft = item.x - room / 2;
    }
    this.render();
  }

  focusCurrent() {
    const drawn = this.drawn.get(this.current.row);
    const element = this.current.item ? drawn?.drawn.get(this.current.item) : drawn?.name;
    element?.focus({ preventScroll: true });
  }

  /** Show the most relevant item: the last attempt of an exhausted task, or else a failed attempt. */
  selectFailure() {
    /** @type {Item | null} */
    let best = null;
    const rank = (/** @type {Item} */ item) => (item.lane.state === "exhausted" ? 1 : 0);
    for (const task of this.model.tasks.values()) {
      for (const item of task.items) {
        if (item.kind !== "attempt" || item.open || item.look === "ok") continue;
        if (!best || rank(item) > rank(best) || (rank(item) === rank(best) && item.at >= best.at)) best = item;
      }
    }
    if (best) this.select(best, false);
  }
}

/** @type {WeakMap<HTMLElement, Item>} */
const marked = new WeakMap();

/**
 * Return the first index from which on `holds` is true, by binary search.
 * @param {number} length
 * @param {(index: number) => boolean} holds
 */
function lowest(length, holds) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

customElements.define("cloud-tasks-timeline", CloudTasksTimeline);
