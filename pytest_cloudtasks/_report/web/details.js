// The contents of the details panel for an item or a task.

/** @typedef {{heading: string, pairs: [string, string][], text?: string, isOpen?: boolean}} Section */
/** @typedef {{title: string, look: string, label: string, line: string, sections: Section[]}} Details */

/** The most characters of a text that the panel shows before "Show all". */
const SHOWN = 20000;

/**
 * @param {Item} item
 * @param {(seconds: number) => string} at
 * @returns {Details}
 */
function detailsOfItem(item, at) {
  const lane = item.lane;
  if (item.kind === "attempt") return detailsOfAttempt(item, at);
  if (item.kind === "call") return detailsOfCalls(item, at);
  if (item.kind === "created") return detailsOfTask(lane, at);
  const event = item.events[0];
  /** @type {[string, string][]} */
  const pairs = [["at", at(item.at)], ["what", item.name]];
  if (event && event.text !== item.name) pairs.push(["event", event.text]);
  if (event?.until_offset !== undefined) pairs.push(["until", at(event.until_offset)]);
  const title = lane.kind === "task" ? lane.short : lane.kind === "queue" ? `Queue ${lane.id}` : item.label;
  return { title, look: item.look, label: item.label, line: item.name, sections: [{ heading: "Event", pairs }] };
}

/**
 * @param {Item} item
 * @param {(seconds: number) => string} at
 * @returns {Details}
 */
function detailsOfAttempt(item, at) {
  const begun = item.events.find((event) => event.event === "task_dispatched");
  const ended = item.events.find((event) => event.event === "task_answered");
  const number = begun?.attempt ?? ended?.attempt ?? 0;
  /** @type {[string, string][]} */
  const pairs = [];
  if (ended) {
    pairs.push(["result", String(ended.result)]);
    if (ended.status) pairs.push(["response_status", ended.status]);
    if (ended.lost) pairs.push(["lost response", `${ended.lost}, by lose_handler_response()`]);
  } else pairs.push(["result", "under way"]);
  if (begun?.schedule_offset !== undefined) pairs.push(["scheduled for", at(begun.schedule_offset)]);
  pairs.push(["dispatched", at(item.at) + (begun?.forced ? ", forced" : "")]);
  if (ended) pairs.push(["ended", at(ended.offset)], ["duration", durationText(ended.duration ?? 0)]);
  else if (begun?.deadline_offset !== undefined) pairs.push(["deadline", at(begun.deadline_offset)]);
  if (ended?.retry_offset !== undefined) pairs.push(["then", `retry at ${at(ended.retry_offset)}`]);
  if (ended?.exhausted !== undefined) pairs.push(["then", `exhausted: ${ended.exhausted}`]);
  if (ended?.dropped) pairs.push(["then", "dropped: the task was gone"]);
  /** @type {Section[]} */
  const sections = [{ heading: "Attempt", pairs }];
  if (ended?.exception) sections.push({ heading: "Exception", pairs: [], text: ended.exception });
  if (ended?.response) sections.push(...message("Response", `${ended.response.status}`, ended.response));
  const request = begun?.request;
  if (request) sections.push(...message("Request", `${request.method} ${request.url}`, request));
  return {
    title: `${item.lane.short}, attempt ${number}`, look: item.look, label: item.label,
    line: ended?.text ?? begun?.text ?? item.name, sections,
  };
}

/**
 * @param {string} heading
 * @param {string} first
 * @param {Message} content
 * @returns {Section[]}
 */
function message(heading, first, content) {
  /** @type {Section[]} */
  const sections = [{ heading: `${heading}: ${first}`, pairs: content.headers }];
  if (content.body) sections.push({ heading: `${heading} body`, pairs: [], text: content.body });
  return sections;
}

/**
 * @param {Item} item
 * @param {(seconds: number) => string} at
 * @returns {Details}
 */
function detailsOfCalls(item, at) {
  const most = 20;
  const sections = item.events.slice(0, most).map((event) => {
    /** @type {[string, string][]} */
    const pairs = [["at", at(event.offset)]];
    if (event.code) pairs.push(["code", event.code]);
    if (event.error) pairs.push(["error", event.error]);
    if (event.timeout !== undefined) pairs.push(["timeout", durationText(event.timeout)]);
    return { heading: event.rpc ?? "call", pairs, text: event.message };
  });
  if (item.events.length > most) sections.push({ heading: `… and ${item.events.length - most} more`, pairs: [], text: "" });
  return { title: item.name, look: item.look, label: item.label, line: item.events[0]?.text ?? "", sections };
}

/**
 * @param {Lane} lane
 * @param {(seconds: number) => string} at
 * @returns {Details}
 */
function detailsOfTask(lane, at) {
  const created = lane.created;
  /** @type {[string, string][]} */
  const pairs = [["name", lane.name], ["state", lane.state], ["attempts", String(lane.attempts)]];
  /** @type {Section[]} */
  const sections = [{ heading: "Task", pairs }];
  if (lane.blocked) pairs.push(["blocked", lane.blocked.text.split(" blocked: ").pop() ?? ""]);
  if (created) {
    pairs.push(["created", at(created.offset)]);
    if (created.schedule_offset !== undefined) pairs.push(["scheduled for", at(created.schedule_offset)]);
    if (created.dispatch_deadline !== undefined) pairs.push(["dispatch deadline", durationText(created.dispatch_deadline)]);
    if (created.tag) pairs.push(["tag", created.tag]);
    if (created.oidc) pairs.push(["OIDC token", `${created.oidc.service_account_email} for ${created.oidc.audience}`]);
    for (const [name, value] of Object.entries(created.routing ?? {})) pairs.push([name, value]);
    if (created.url) sections.push({ heading: `Stored: ${created.method} ${created.url}`, pairs: created.headers ?? [] });
    if (created.body) sections.push({ heading: "Body", pairs: [], text: created.body });
    if (created.header_changes?.length) {
      sections.push({ heading: "Headers that the service changes", pairs: created.header_changes });
    }
  }
  const line = created ? created.text : "It was created before this timeline begins.";
  return { title: lane.short, look: "", label: lane.state, line, sections };
}

/**
 * @param {Lane} lane
 * @param {(seconds: number) => string} at
 * @returns {Details}
 */
function detailsOfQueue(lane, at) {
  /** @type {[string, string][]} */
  const pairs = [["name", lane.name], ["state", lane.state], ["tasks", String(lane.tasks.length)]];
  const events = lane.items.slice(-50).map((item) => /** @type {[string, string]} */ ([at(item.at), item.label]));
  const sections = [{ heading: "Queue", pairs }, { heading: "Events", pairs: events }];
  return { title: `Queue ${lane.id}`, look: "", label: lane.state, line: lane.note, sections };
}

/**
 * Draw details into an element.
 * @param {Details} details
 * @param {HTMLElement} into
 */
function drawDetails(details, into) {
  const parts = document.createDocumentFragment();
  if (details.line) made("p", "line", cut(details.line, 600), parts);
  for (const section of details.sections) {
    const block = made("section", "", "", parts);
    made("h4", "", cut(section.heading, 2000), block);
    if (section.pairs.length) {
      const list = made("dl", "", "", block);
      for (const [name, value] of section.pairs) {
        made("dt", "", cut(name, 200), list);
        made("dd", "", value ? cut(value, SHOWN) : "(empty)", list);
      }
    }
    if (section.text) {
      const text = section.text;
      const pre = made("pre", "", cut(text, SHOWN), block);
      pre.tabIndex = 0;
      if (text.length > SHOWN) {
        const more = made("button", "", "Show all", block);
        more.type = "button";
        more.onclick = () => {
          pre.textContent = printable(text);
          more.remove();
        };
      }
    }
  }
  into.replaceChildren(parts);
}

/** The panel that shows details. */
class Panel {
  /**
   * @param {(step: number) => void} onMove
   * @param {() => void} onClose
   */
  constructor(onMove, onClose) {
    this.element = made("aside", "details");
    this.element.hidden = true;
    const top = made("div", "head", "", this.element);
    this.badge = made("span", "", "", top);
    this.heading = made("h3", "", "", top);
    this.heading.tabIndex = -1;
    this.heading.id = "details-title";
    this.element.setAttribute("aria-labelledby", "details-title");
    const moves = made("span", "moves", "", top);
    const button = (/** @type {string} */ text, /** @type {string} */ name, /** @type {() => void} */ does) => {
      const one = made("button", "", text, moves);
      one.type = "button";
      one.title = name;
      one.setAttribute("aria-label", name);
      one.onclick = does;
    };
    button("‹", "Previous mark of the lane", () => onMove(-1));
    button("›", "Next mark of the lane", () => onMove(1));
    button("Close", "Close", onClose);
    this.parts = made("div", "parts", "", this.element);
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /**
   * @param {Details} details
   * @param {boolean} takesFocus
   */
  show(details, takesFocus) {
    this.heading.textContent = printable(cut(details.title, 300));
    this.badge.className = details.look ? `a ${details.look}` : `state ${details.label}`;
    this.badge.textContent = printable(cut(details.label, 40));
    drawDetails(details, this.parts);
    this.element.hidden = false;
    this.element.scrollTop = 0;
    if (takesFocus) this.heading.focus();
  }

  /** Close the panel, and return whether it had the focus. */
  close() {
    const hadFocus = this.element.contains(document.activeElement);
    this.element.hidden = true;
    return hadFocus;
  }
}
