// The timeline as a list of sentences. It has the same content as the lanes, for search and for screen readers.

/** Lines that the list adds at a time. */
const CHUNK = 300;

class EventList {
  /** @param {(item: Item) => void} onSelect */
  constructor(onSelect) {
    this.onSelect = onSelect;
    this.element = made("section", "events");
    const heading = made("h3", "", "Events", this.element);
    heading.id = "events";
    this.list = made("ol", "", "", this.element);
    this.list.setAttribute("aria-labelledby", "events");
    this.more = made("button", "more", "", this.element);
    this.more.type = "button";
    this.more.hidden = true;
    this.more.onclick = () => this.grow();
    this.isNewestFirst = false;
    /** @type {TimelineEvent[]} */
    this.events = [];
    this.shown = 0;
    /** @type {Map<TimelineEvent, Item>} */
    this.items = new Map();
    this.instantText = offsetText;
  }

  /**
   * Show these events; lines that are already shown stay in place.
   * @param {TimelineEvent[]} events
   * @param {Map<TimelineEvent, Item>} items
   */
  show(events, items) {
    this.events = this.isNewestFirst ? [...events].reverse() : events;
    this.items = items;
    const focused = this.list.contains(document.activeElement);
    const index = focused ? [...this.list.children].findIndex((one) => one.contains(document.activeElement)) : -1;
    const count = Math.max(CHUNK, this.isNewestFirst ? CHUNK : this.shown);
    this.list.replaceChildren();
    this.shown = 0;
    this.grow(count);
    if (index >= 0) /** @type {HTMLElement | null} */ (this.list.children[index]?.querySelector("button"))?.focus();
  }

  /** @param {number} [count] */
  grow(count = CHUNK) {
    const parts = document.createDocumentFragment();
    for (const event of this.events.slice(this.shown, this.shown + count)) this.line(event, parts);
    this.list.appendChild(parts);
    this.shown = Math.min(this.events.length, this.shown + count);
    const left = this.events.length - this.shown;
    this.more.hidden = left === 0;
    this.more.textContent = `Show ${Math.min(left, CHUNK)} more of ${left.toLocaleString("en")}`;
    if (!this.events.length) made("li", "quiet", "No event matches.", this.list);
  }

  /**
   * @param {TimelineEvent} event
   * @param {Node} parent
   */
  line(event, parent) {
    const line = made("li", "", "", parent);
    made("span", "time", this.instantText(event.offset), line);
    const item = this.items.get(event);
    if (item?.kind === "attempt" && event.event === "task_answered") made("span", `a ${item.look}`, item.label, line);
    const text = cut(event.text, 400);
    if (!item) {
      made("span", "text", text, line);
      return;
    }
    const button = made("button", "text", text, line);
    button.type = "button";
    button.onclick = () => this.onSelect(item);
  }
}

/**
 * Return the events of the list, without dispatches whose response came at the same instant.
 * @param {TimelineEvent[]} events
 * @returns {TimelineEvent[]}
 */
function listedEvents(events) {
  const answered = new Set();
  for (const event of events) {
    if (event.event === "task_answered" && !event.duration) answered.add(`${event.task} ${event.attempt}`);
  }
  return events.filter((one) => one.event !== "task_dispatched" || !answered.has(`${one.task} ${one.attempt}`));
}
