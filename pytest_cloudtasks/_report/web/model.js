// Lanes made of the timeline's events: the history of a task, of a queue or of the callers, in time order.
//
// Events are added one by one, in the order in which they happened; a page that follows a server adds them as they
// come. An event can open an item, such as a wait or an attempt, that a later event closes.

/**
 * A part of a lane, which begins at `at`. Marks are `attempt`, `call`, `fault`, `mark`, `created`, `due` and `fold`;
 * lines are `wait` and `held`; a `span` is a time in which a queue doesn't dispatch.
 * @typedef {{
 *   kind: string, at: number, until?: number, open?: boolean, look: string, label: string, name: string,
 *   lane: Lane, events: TimelineEvent[], x: number, width: number, row: number
 * }} Item
 */
/** @typedef {"calls" | "queue" | "task"} LaneKind */

/** The classes of attempts, which set colour and shape, with their names. */
const ATTEMPTS = new Map([
  ["ok", "2xx"], ["other", "another status"], ["client", "4xx"], ["throttled", "429"], ["server", "5xx"],
  ["deadline", "deadline exceeded"], ["none", "no response"], ["open", "under way"],
]);

/** Events of a task that are a mark on its lane, with the task's state after them. */
const MARKS = new Map([
  ["task_deleted", ["✕", "deleted"]], ["task_expired", ["✕", "expired"]], ["task_leased", ["L", "leased"]],
  ["task_acknowledged", ["✓", "acknowledged"]], ["task_leases_exhausted", ["■", "exhausted"]],
  ["lease_renewed", ["L", "leased"]], ["lease_cancelled", ["L", "scheduled"]],
]);
/** Events of a queue that set its state, with that state. Each ends the span of the state before it. */
const QUEUE_STATES = new Map([
  ["queue_created", "running"], ["queue_resumed", "running"], ["queue_paused", "paused"],
  ["queue_disabled", "disabled"], ["queue_deleted", "deleted"],
]);
/** States of a queue in which it doesn't dispatch, which are drawn as spans. */
const STOPPED = new Set(["paused", "disabled"]);
const GONE = new Set(["succeeded", "exhausted", "deleted", "expired", "acknowledged"]);

class Lane {
  /**
   * @param {LaneKind} kind
   * @param {string} name the full name of the queue or task
   * @param {Lane | null} queue
   */
  constructor(kind, name, queue) {
    this.kind = kind;
    this.name = name;
    this.queue = queue;
    this.id = idOf(name);
    this.title = kind === "calls" ? "Calls and faults" : kind === "queue" ? this.id : "task";
    this.host = "";
    this.state = kind === "task" ? "scheduled" : kind === "queue" ? "running" : "";
    this.note = "";
    this.attempts = 0;
    this.failures = 0;
    /** @type {Item[]} */
    this.items = [];
    /** @type {Item[]} */
    this.spans = [];
    /** @type {Lane[]} */
    this.tasks = [];
    /** @type {Set<Lane>} */
    this.live = new Set();
    /** @type {TimelineEvent | null} */
    this.created = null;
    /** @type {Item | null} */
    this.wait = null;
    /** @type {Map<number, Item>} */
    this.running = new Map();
    /** @type {TimelineEvent | null} */
    this.blocked = null;
    this.rows = 1;
    /** @type {number[]} */
    this.ends = [];
  }

  /** The task's name in a sentence. */
  get short() {
    return this.queue ? `${this.queue.id}/${this.id}` : this.id;
  }

  /** The text that the filter searches. */
  get searched() {
    return `${this.name} ${this.created?.method ?? ""} ${this.created?.url ?? ""} ${this.state}`.toLowerCase();
  }

  /**
   * @param {string} kind
   * @param {TimelineEvent | null} event
   * @param {Partial<Item>} more
   * @returns {Item}
   */
  draw(kind, event, more) {
    const item = {
      kind, at: event ? event.offset : 0, look: "", label: "", name: "", lane: this, events: event ? [event] : [],
      x: 0, width: 0, row: 0, ...more,
    };
    this.items.push(item);
    return item;
  }

  /**
   * Begin a wait until `due`.
   * @param {TimelineEvent} event
   * @param {number} due
   * @param {string} name
   */
  waitUntil(event, due, name) {
    const label = name.startsWith("retry") ? durationText(due - event.offset) : "";
    this.wait = this.draw("wait", event, { until: due, name, label });
    if (due <= event.offset) this.items.pop();
  }

  /**
   * End the wait, and the time after it in which the task was held back.
   * @param {number} at
   */
  go(at) {
    const wait = this.wait;
    this.wait = null;
    if (!wait || wait.until === undefined) return;
    const due = wait.until;
    wait.until = Math.min(due, at);
    if (at > due) this.draw("held", null, { at: due, until: at, name: `held back ${durationText(at - due)}` });
  }

  /**
   * @param {string} state
   * @param {number} at
   */
  end(state, at) {
    this.go(at);
    this.state = state;
    this.queue?.live.delete(this);
  }
}

class Model {
  constructor() {
    this.now = 0;
    this.calls = new Lane("calls", "", null);
    /** @type {Map<string, Lane>} */
    this.queues = new Map();
    /** @type {Map<string, Lane>} */
    this.tasks = new Map();
    /** @type {TimelineEvent[]} */
    this.events = [];
    /** @type {Map<TimelineEvent, Item>} */
    this.items = new Map();
  }

  /** @param {TimelineEvent} event */
  add(event) {
    this.events.push(event);
    this.now = Math.max(this.now, event.offset);
    if (event.event === "rpc") return this.call(event);
    const queue = event.queue ? this.queue(event.queue) : null;
    const task = queue && event.task ? this.task(event.task, queue, event) : null;
    if (event.event === "fault") {
      this.shown(event, (task ?? this.calls).draw("fault", event, { look: "fault", label: "fault", name: event.text }));
    } else if (event.event === "left_out") {
      this.leftOut(event, task ?? queue ?? this.calls);
    } else if (event.event === "blocked") {
      if (task) task.blocked = event;
    } else if (queue && task) {
      this.ofTask(event, task);
    } else if (queue) {
      this.ofQueue(event, queue);
    } else {
      this.shown(event, this.calls.draw("mark", event, { label: "clock", name: event.text }));
    }
  }

  /**
   * @param {TimelineEvent} event
   * @param {Item} item
   */
  shown(event, item) {
    this.items.set(event, item);
  }

  /** @param {string} name */
  queue(name) {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = new Lane("queue", name, null);
      this.queues.set(name, queue);
    }
    return queue;
  }

  /**
   * Return the lane of a task; a later task with the same name gets a new lane.
   * @param {string} name
   * @param {Lane} queue
   * @param {TimelineEvent} event
   */
  task(name, queue, event) {
    let task = this.tasks.get(name);
    if (!task || (event.event === "task_created" && task.created)) {
      task = new Lane("task", name, queue);
      this.tasks.set(name, task);
      queue.tasks.push(task);
      queue.live.add(task);
    }
    return task;
  }

  /** @param {TimelineEvent} event */
  call(event) {
    const rpc = event.rpc ?? "call";
    const last = this.calls.items[this.calls.items.length - 1];
    const same = last?.kind === "call" ? last.events[0] : null;
    let item = last;
    if (same && same.rpc === rpc && same.code === event.code && same.offset === event.offset) {
      last.events.push(event);
    } else {
      item = this.calls.draw("call", event, { look: event.code ? "refused" : "answered" });
    }
    const times = item.events.length > 1 ? ` ×${item.events.length}` : "";
    item.label = `${rpc.split("_")[0]}${times}${event.code ? " !" : ""}`;
    item.name = `${rpc}${event.code ? " → " + event.code : ""}${times}`;
    this.shown(event, item);
  }

  /**
   * @param {TimelineEvent} event
   * @param {Lane} lane
   */
  leftOut(event, lane) {
    if (lane.kind === "queue") lane.note = event.text;
    else this.shown(event, lane.draw("fold", event, { label: event.text.split(" ")[0] + " more", name: event.text }));
  }

  /**
   * @param {TimelineEvent} event
   * @param {Lane} queue
   */
  ofQueue(event, queue) {
    const what = event.event.replace("queue_", "");
    this.shown(event, queue.draw("mark", event, { label: what, name: event.text }));
    const state = QUEUE_STATES.get(event.event);
    if (state) {
      const open = queue.spans[queue.spans.length - 1];
      if (open?.open) {
        open.until = event.offset;
        open.open = false;
        open.name = `${queue.state} for ${durationText(event.offset - open.at)}`;
      }
      if (STOPPED.has(state)) {
        queue.spans.push({
          kind: "span", at: event.offset, until: event.offset, open: true, look: state, label: "", name: state,
          lane: queue, events: [event], x: 0, width: 0, row: 0,
        });
      }
      queue.state = state;
    }
    if (what === "purged" || what === "deleted") {
      for (const task of [...queue.live]) {
        task.end("deleted", event.offset);
        const name = `deleted: its queue was ${what}`;
        task.draw("mark", null, { at: event.offset, label: "✕", name, events: [event] });
      }
    }
  }

  /**
   * @param {TimelineEvent} event
   * @param {Lane} task
   */
  ofTask(event, task) {
    if (event.event === "task_created") this.creation(event, task);
    else if (event.event === "task_dispatched") this.dispatch(event, task);
    else if (event.event === "task_answered") this.answer(event, task);
    else {
      const [label, state] = MARKS.get(event.event) ?? ["•", task.state];
      if (GONE.has(state)) task.end(state, event.offset);
      else task.state = state;
      this.shown(event, task.draw("mark", event, { label, name: event.text }));
    }
  }

  /**
   * @param {TimelineEvent} event
   * @param {Lane} task
   */
  creation(event, task) {
    const [path, host] = pathAndHost(event.url ?? "");
    task.created = event;
    task.title = event.url ? `${event.method} ${path}` : "pull task";
    task.host = host;
    this.shown(event, task.draw("created", event, { name: event.text }));
    const due = Math.max(event.offset, event.schedule_offset ?? event.offset);
    if (event.url) task.waitUntil(event, due, `scheduled ${durationText(due - event.offset)} ahead`);
  }

  /**
   * @param {TimelineEvent} event
   * @param {Lane} task
   */
  dispatch(event, task) {
    task.go(event.offset);
    task.state = "dispatched";
    task.attempts += 1;
    const name = `${task.short}, attempt ${event.attempt}: under way`;
    const item = task.draw("attempt", event, { open: true, look: "open", label: "…", name });
    task.running.set(event.attempt ?? 0, item);
    this.shown(event, item);
  }

  /**
   * @param {TimelineEvent} event
   * @param {Lane} task
   */
  answer(event, task) {
    const begun = event.offset - (event.duration ?? 0);
    const number = event.attempt ?? 0;
    const item = task.running.get(number) ?? task.draw("attempt", event, { at: begun });
    task.running.delete(number);
    if (item.events[0] !== event) item.events.push(event);
    item.open = false;
    item.until = event.offset;
    [item.look, item.label] = lookOf(event);
    const spoken = { late: "deadline exceeded", none: "no response" }[item.label] ?? item.label;
    const took = event.duration ? `, took ${durationText(event.duration)}` : "";
    item.name = `${task.short}, attempt ${number}: ${spoken} at ${offsetText(item.at)}${took}`;
    this.shown(event, item);
    if (!event.succeeded) task.failures += 1;
    if (event.dropped) return;
    if (event.succeeded) task.end("succeeded", event.offset);
    else if (event.exhausted !== undefined) {
      task.end("exhausted", event.offset);
      const name = `exhausted: ${event.exhausted}`;
      task.draw("mark", null, { at: event.offset, look: "end", label: "■", name, events: item.events });
    } else if (event.retry_offset !== undefined) {
      task.state = "scheduled";
      const wait = Math.max(0, event.retry_offset - event.offset);
      task.waitUntil(event, Math.max(event.offset, event.retry_offset), `retry in ${durationText(wait)}`);
    }
  }

  /**
   * Return the items for what a task waits for at the end: its due time, the reason that blocks it, or nothing.
   * @param {Lane} task
   * @returns {Item[]}
   */
  toCome(task) {
    const due = task.wait?.until;
    if (due === undefined || GONE.has(task.state)) return [];
    const common = { lane: task, events: task.blocked ? [task.blocked] : [], x: 0, width: 0, row: 0, label: "" };
    if (due > this.now) return [{ ...common, kind: "due", at: due, look: "", name: `due at ${offsetText(due)}` }];
    if (due === this.now && !task.blocked) return [];
    const reason = task.blocked ? task.blocked.text.split(" blocked: ").pop() ?? "" : "";
    const name = reason ? `blocked: ${reason}` : "due, but not dispatched";
    return [{ ...common, kind: "held", at: due, until: this.now, open: true, look: "", name, label: reason }];
  }
}

/**
 * Return the class of an answered attempt, and the text of its mark.
 * @param {TimelineEvent} event
 * @returns {[string, string]}
 */
function lookOf(event) {
  const result = event.result;
  if (typeof result !== "number") return result === "DEADLINE_EXCEEDED" ? ["deadline", "late"] : ["none", "none"];
  const looks = /** @type {Record<number, string>} */ ({ 2: "ok", 4: "client", 5: "server" });
  return [result === 429 ? "throttled" : looks[Math.floor(result / 100)] ?? "other", String(result)];
}
