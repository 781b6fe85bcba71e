// The emulator's page: queues, tasks, the live timeline, and buttons for manual actions.

/** The most events that the timeline keeps; older ones are dropped. */
const KEPT = 6000;
const PAGE = 50;

class EmulatorPage {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.server = new Server();
    this.offset = 0;
    this.now = 0;
    this.origin = 0;
    /** The server's latest instant (ms), and this page's clock at its arrival. */
    this.at = 0;
    this.since = 0;
    /** The time before which nothing new is drawn. */
    this.rests = 0;
    /** @type {TimelineEvent[]} */
    this.events = [];
    /** @type {TimelineEvent[]} */
    this.fresh = [];
    this.isStale = true;
    this.isAsking = false;
    this.form = new TaskForm((queue, task) => this.create(queue, /** @type {any} */ (task)));
    const header = made("header", "", "", root);
    const top = made("div", "top", "", header);
    made("h1", "", "Cloud Tasks emulator", top);
    this.clock = made("span", "clock", "", top);
    this.connection = made("span", "state", "connecting", top);
    this.connection.setAttribute("role", "status");
    top.append(document.createElement("cloud-tasks-theme"));
    this.time(header);
    this.problem = made("p", "problem", "", header);
    this.problem.setAttribute("role", "alert");
    this.token = this.tokenForm(root);
    this.main = made("main", "", "", root);
    made("h2", "", "Queues", this.main);
    this.queues = made("div", "queue-cards", "", this.main);
    this.tasks = this.taskSection(this.main);
    this.timeline = /** @type {CloudTasksTimeline} */ (document.createElement("cloud-tasks-timeline"));
    this.main.append(this.timeline);
    this.timeline.empty.textContent = "Nothing has happened yet.";
    this.timeline.list.isNewestFirst = true;
    root.append(this.form.dialog);
    setInterval(() => this.tick(), 250);
  }

  /** @param {HTMLElement} parent */
  time(parent) {
    const tools = made("form", "tools jumps", "", parent);
    tools.setAttribute("aria-label", "Time");
    const label = made("label", "", "Jump ", tools);
    const by = made("input", "", "", label);
    by.value = "10m";
    by.size = 6;
    by.title = "A duration such as 90s, 10m, 1h or 7d";
    const jump = made("button", "", "Jump", tools);
    jump.type = "submit";
    tools.onsubmit = (event) => {
      event.preventDefault();
      this.do(() => this.server.ask("POST", "/control/jump", { by: by.value }));
    };
    buttonFor("Drain", "Drain: jump until no task is waiting", () => this.do(() => this.server.ask("POST", "/control/drain", {})), tools);
    buttonFor("Reset", "Reset: remove all tasks", () => {
      if (confirm("Remove all tasks, and all queues except those of the start?")) this.do(() => this.server.ask("POST", "/control/reset", {}));
    }, tools);
  }

  /** @param {HTMLElement} parent */
  tokenForm(parent) {
    const form = made("form", "token", "", parent);
    form.hidden = true;
    const label = made("label", "", "Enter this server's token (--token): ", form);
    const field = made("input", "", "", label);
    field.type = "password";
    field.autocomplete = "off";
    made("button", "primary", "Open", form).type = "submit";
    form.onsubmit = (event) => {
      event.preventDefault();
      sessionStorage.setItem(TOKEN, field.value);
      field.value = "";
      form.hidden = true;
      this.problem.textContent = "";
      this.isStale = true;
      this.follow();
    };
    return form;
  }

  /** @param {HTMLElement} parent */
  taskSection(parent) {
    const section = made("section", "tasks-of-server", "", parent);
    const tools = made("div", "tools", "", section);
    made("h2", "", "Tasks", tools);
    const asked = () => {
      this.offset = 0;
      this.isStale = true;
      this.refresh();
    };
    const find = made("input", "", "", made("label", "", "Find ", tools));
    find.type = "search";
    find.placeholder = "name or URL";
    find.oninput = asked;
    const queue = made("select", "", "", made("label", "", "Queue ", tools));
    const state = made("select", "", "", made("label", "", "State ", tools));
    made("option", "", "all", state).value = "";
    for (const [value, word] of STATES) made("option", "", word, state).value = value;
    queue.onchange = state.onchange = asked;
    const list = made("ol", "task-rows", "", section);
    const pager = made("div", "pager", "", section);
    const previous = buttonFor("Newer", "Newer tasks", () => this.turn(-PAGE), pager);
    const shown = made("span", "quiet", "", pager);
    shown.setAttribute("role", "status");
    const next = buttonFor("Older", "Older tasks", () => this.turn(PAGE), pager);
    return { find, queue, state, list, previous, shown, next };
  }

  /** @param {number} by */
  turn(by) {
    this.offset = Math.max(0, this.offset + by);
    this.isStale = true;
    this.refresh();
  }

  /** Follow the server while this page is open. */
  async follow() {
    for (;;) {
      try {
        await this.server.follow((name, data) => this.receive(name, data), new AbortController().signal);
      } catch (error) {
        if (error instanceof ServerError && error.status === 401) return this.askForToken();
        if (error instanceof ServerError) this.tell(error);
      }
      this.connection.className = "state disabled";
      this.connection.textContent = "not connected";
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  askForToken() {
    sessionStorage.removeItem(TOKEN);
    this.connection.textContent = "token needed";
    this.token.hidden = false;
    this.token.querySelector("input")?.focus();
  }

  /**
   * @param {string} name
   * @param {any} data
   */
  receive(name, data) {
    this.connection.className = "state succeeded";
    this.connection.textContent = "live";
    if (name === "begin") {
      this.events = [];
      this.fresh = [];
      this.origin = Date.parse(data.origin);
      this.timeline.origin = this.origin;
      this.timeline.timeline = { now: data.now, events: [] };
      if (data.left_out) this.fresh.push(leftOut(data.now, data.left_out));
    }
    if (name === "missed") this.fresh.push(leftOut(this.now, data.events));
    if (name === "events") this.fresh.push(...data.events);
    if (data.at) {
      this.now = data.now;
      this.at = Date.parse(data.at);
      this.since = performance.now();
    }
    if (name !== "now") this.isStale = true;
  }

  /** Show the events that arrived since the last call. */
  tick() {
    if (this.at) this.clock.textContent = timeOfServer(this.at + performance.now() - this.since);
    if (document.hidden || !this.at || performance.now() < this.rests) return;
    const begun = performance.now();
    const fresh = this.fresh;
    this.fresh = [];
    if (fresh.length) {
      const now = this.now;
      this.events.push(...fresh);
      if (this.events.length > KEPT) {
        this.events = this.events.slice(-KEPT / 2);
        this.timeline.timeline = { now, events: this.events };
      } else this.timeline.extend(fresh, now);
      // Leave most of the browser's time to the user's input.
      this.rests = performance.now() + 3 * (performance.now() - begun);
    }
    this.refresh();
  }

  /** Request queues and tasks if something has changed; only one request at a time. */
  async refresh() {
    if (!this.isStale || this.isAsking) return;
    this.isStale = false;
    this.isAsking = true;
    const { find, queue, state } = this.tasks;
    const fields = { find: find.value.trim(), queue: queue.value, state: state.value, offset: this.offset, limit: PAGE };
    try {
      this.draw(await this.server.overview(fields));
    } catch (error) {
      this.tell(error);
    } finally {
      await new Promise((resolve) => setTimeout(resolve, 400));
      this.isAsking = false;
    }
  }

  /** @param {Overview} overview */
  draw(overview) {
    const act = (/** @type {string} */ what, /** @type {string} */ name) => this.act(what, name);
    drawQueues(overview.queues, this.queues, act);
    drawTasks(overview.tasks, this.tasks.list, act);
    const { queue, previous, next, shown } = this.tasks;
    const names = ["", ...overview.queues.map((one) => one.name)];
    if (names.join() !== [...queue.options].map((one) => one.value).join()) {
      const chosen = queue.value;
      queue.replaceChildren();
      for (const name of names) made("option", "", name ? cut(idOf(name), 80) : "all", queue).value = name;
      queue.value = names.includes(chosen) ? chosen : "";
    }
    const last = overview.offset + overview.tasks.length;
    const total = overview.total.toLocaleString("en");
    const range = overview.tasks.length ? `${(overview.offset + 1).toLocaleString("en")} to ${last.toLocaleString("en")}` : "0";
    const left = overview.left_out ? `; older tasks not kept: ${overview.left_out.toLocaleString("en")}` : "";
    shown.textContent = `${range} of ${total}${left}`;
    previous.disabled = overview.offset === 0;
    next.disabled = last >= overview.total;
  }

  /**
   * Run the action of a button.
   * @param {string} what
   * @param {string} name
   */
  act(what, name) {
    if (what === "create") this.form.open(name);
    else if (what === "delete") this.do(() => this.server.ask("DELETE", apiPath(name)));
    else if (what !== "purge" || confirm(`Delete all tasks of ${idOf(name)}?`)) {
      this.do(() => this.server.ask("POST", `${apiPath(name)}:${what}`, {}));
    }
  }

  /** @param {() => Promise<unknown>} request */
  async do(request) {
    this.problem.textContent = "";
    try {
      await request();
    } catch (error) {
      this.tell(error);
    }
    this.isStale = true;
  }

  /**
   * @param {string} queue
   * @param {{request: object, delay: number}} task
   */
  async create(queue, { request, delay }) {
    const due = new Date(this.at + performance.now() - this.since + delay * 1000).toISOString();
    await this.server.ask("POST", `${apiPath(queue)}/tasks`, {
      task: { httpRequest: request, ...(delay > 0 ? { scheduleTime: due } : {}) },
    });
    this.isStale = true;
  }

  /** @param {unknown} error */
  tell(error) {
    if (error instanceof ServerError && error.status === 401) return this.askForToken();
    if (error instanceof TypeError) return; // the server is not reachable, and the page already shows that
    this.problem.textContent = printable(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {number} offset
 * @param {number} number
 * @returns {TimelineEvent}
 */
function leftOut(offset, number) {
  return { offset, event: "left_out", text: `${number} earlier events are not shown` };
}

/** @param {string} name */
function apiPath(name) {
  return `/v2/${name.split("/").map(encodeURIComponent).join("/")}`;
}

/** @param {number} milliseconds */
function timeOfServer(milliseconds) {
  const instant = new Date(milliseconds);
  return `${instant.toISOString().slice(0, 10)} ${instant.toISOString().slice(11, 19)} UTC`;
}

const emulatorPage = new EmulatorPage(/** @type {HTMLElement} */ (document.getElementById("emulator")));
emulatorPage.follow();
document.documentElement.dataset.ready = "true";
