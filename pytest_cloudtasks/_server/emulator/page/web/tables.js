// The tables of queues and of tasks, and the form for a new task.

/** @typedef {(what: string, name: string) => void} Act */

/** The states of tasks that a queue's card counts, in their order, with their labels. */
const STATES = new Map([
  ["scheduled", "waiting"], ["dispatched", "under way"], ["succeeded", "succeeded"], ["exhausted", "exhausted"],
  ["expired", "expired"], ["deleted", "deleted"],
]);

/**
 * @param {string} text
 * @param {string} name
 * @param {() => void} does
 * @param {Node} parent
 */
function buttonFor(text, name, does, parent) {
  const button = made("button", "", text, parent);
  button.type = "button";
  button.setAttribute("aria-label", name);
  button.onclick = does;
  return button;
}

/**
 * @param {QueueRow[]} queues
 * @param {HTMLElement} into
 * @param {Act} act
 */
function drawQueues(queues, into, act) {
  const parts = document.createDocumentFragment();
  if (!queues.length) made("p", "quiet", "There are no queues yet. Create one with the client, or start serve with --queue.", parts);
  for (const queue of queues) {
    const card = made("article", "queue-card", "", parts);
    const head = made("div", "head", "", card);
    const title = made("h3", "", cut(queue.id, 120), head);
    title.title = printable(queue.name);
    made("span", `state ${queue.state}`, queue.state, head);
    const counts = made("p", "counts", "", card);
    const shown = [...STATES].filter(([state]) => queue.tasks[state]);
    for (const [state, word] of shown) made("span", `state ${state}`, `${queue.tasks[state].toLocaleString("en")} ${word}`, counts);
    if (!shown.length) made("span", "quiet", "no tasks", counts);
    const settings = made("details", "", "", card);
    made("summary", "", queue.is_pull ? "pull queue" : settings_(queue), settings);
    const list = made("dl", "", "", settings);
    for (const [name, value] of queue.settings) {
      made("dt", "", name, list);
      made("dd", "", value, list);
    }
    const buttons = made("div", "buttons", "", card);
    if (!queue.is_pull) buttonFor("New task", `New task in ${queue.id}`, () => act("create", queue.name), buttons);
    const isRunning = queue.state === "running";
    buttonFor(isRunning ? "Pause" : "Resume", `${isRunning ? "Pause" : "Resume"} ${queue.id}`, () => act(isRunning ? "pause" : "resume", queue.name), buttons);
    buttonFor("Purge", `Purge ${queue.id}`, () => act("purge", queue.name), buttons);
  }
  replaceKeepingFocus(into, parts);
}

/** @param {QueueRow} queue */
function settings_(queue) {
  const known = new Map(queue.settings);
  return `${known.get("dispatches per second")}/s, ${known.get("at once")} at once, ${known.get("attempts")} attempts`;
}

/**
 * @param {TaskRow[]} tasks
 * @param {HTMLElement} into
 * @param {Act} act
 */
function drawTasks(tasks, into, act) {
  const parts = document.createDocumentFragment();
  if (!tasks.length) made("li", "quiet", "No task matches.", parts);
  for (const task of tasks) {
    const [path, host] = pathAndHost(task.url);
    const row = made("li", "", "", parts);
    const name = made("div", "what", "", row);
    made("span", "title", cut(task.url ? `${task.method} ${path}` : "pull task", 300), name).title = printable(cut(task.url, 1000));
    made("span", "quiet", cut([host, `${task.queue}/${task.id}`].filter(Boolean).join(" · "), 300), name);
    const state = made("div", "how", "", row);
    made("span", `state ${task.state}`, STATES.get(task.state) ?? task.state, state);
    const last = task.last === null ? "" : `, last ${task.last}`;
    const due = task.state === "scheduled" ? `, due ${timeText(task.schedule_time)}` : "";
    made("span", "quiet", `${counted(task.attempts, "attempt")}${last}${due}`, state);
    const buttons = made("div", "buttons", "", row);
    if (!task.is_live) continue;
    if (task.url) buttonFor("Run now", `Run ${task.id} now`, () => act("run", task.name), buttons);
    buttonFor("Delete", `Delete ${task.id}`, () => act("delete", task.name), buttons);
  }
  replaceKeepingFocus(into, parts);
}

/**
 * Return an instant as a time of day, with the date if it isn't today.
 * @param {string} iso
 */
function timeText(iso) {
  const instant = new Date(iso);
  const time = instant.toLocaleTimeString("en-GB");
  const isToday = instant.toDateString() === new Date().toDateString();
  return isToday ? time : `${instant.toISOString().slice(0, 10)} ${time}`;
}

/**
 * Replace the content of an element; a button keeps its focus if the new content has it, too.
 * @param {HTMLElement} into
 * @param {Node} parts
 */
function replaceKeepingFocus(into, parts) {
  const focused = document.activeElement;
  const name = focused && into.contains(focused) ? focused.getAttribute("aria-label") : null;
  const open = new Set([...into.querySelectorAll("details[open]")].map((one) => one.closest("article")?.querySelector("h3")?.textContent));
  into.replaceChildren(parts);
  for (const one of into.querySelectorAll("details")) one.open = open.has(one.closest("article")?.querySelector("h3")?.textContent);
  if (!name) return;
  const again = [...into.querySelectorAll("button")].find((one) => one.getAttribute("aria-label") === name);
  (again ?? into.querySelector("button"))?.focus();
}

/**
 * Return the Base64 of a text's UTF-8.
 * @param {string} text
 */
function base64(text) {
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return btoa(bytes);
}

/** The form for a new task. */
class TaskForm {
  /** @param {(queue: string, task: object) => Promise<void>} create */
  constructor(create) {
    this.queue = "";
    this.dialog = made("dialog", "new-task");
    const form = made("form", "", "", this.dialog);
    this.heading = made("h2", "", "New task", form);
    const labelled = (/** @type {string} */ text, /** @type {HTMLElement} */ field) => {
      const label = made("label", "", text, form);
      label.append(field);
    };
    this.method = made("select");
    for (const method of ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]) made("option", "", method, this.method);
    this.url = made("input");
    this.url.type = "text";
    this.url.required = true;
    this.url.placeholder = "http://localhost:8080/send";
    this.headers = made("textarea");
    this.headers.rows = 3;
    this.headers.value = "Content-Type: application/json";
    this.body = made("textarea");
    this.body.rows = 5;
    this.delay = made("input");
    this.delay.type = "number";
    this.delay.min = "0";
    this.delay.value = "0";
    labelled("Method", this.method);
    labelled("URL", this.url);
    labelled("Headers, one per line", this.headers);
    labelled("Body", this.body);
    labelled("Delay in seconds", this.delay);
    this.error = made("p", "problem", "", form);
    this.error.setAttribute("role", "alert");
    const buttons = made("div", "buttons", "", form);
    const send = made("button", "primary", "Create", buttons);
    send.type = "submit";
    buttonFor("Cancel", "Cancel", () => this.dialog.close(), buttons);
    form.onsubmit = async (event) => {
      event.preventDefault();
      try {
        await create(this.queue, this.task());
        this.dialog.close();
      } catch (error) {
        this.error.textContent = printable(String(error instanceof Error ? error.message : error));
      }
    };
  }

  /** @param {string} queue */
  open(queue) {
    this.queue = queue;
    this.heading.textContent = printable(`New task in ${idOf(queue)}`);
    this.error.textContent = "";
    this.dialog.showModal();
    this.url.focus();
  }

  /** @returns {object} */
  task() {
    /** @type {Record<string, string>} */
    const headers = {};
    for (const line of this.headers.value.split("\n")) {
      const colon = line.indexOf(":");
      if (colon > 0) headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
    }
    const hasBody = ["POST", "PUT", "PATCH"].includes(this.method.value) && this.body.value !== "";
    const request = { url: this.url.value.trim(), httpMethod: this.method.value, headers, ...(hasBody ? { body: base64(this.body.value) } : {}) };
    return { request, delay: Number(this.delay.value) };
  }
}
