// Access to the server: its control endpoints, its API, and its events. The token is kept for this tab.

/** @typedef {{id: string, name: string, state: string, is_pull: boolean, tasks: Record<string, number>, settings: [string, string][]}} QueueRow */
/**
 * @typedef {{
 *   id: string, name: string, queue: string, state: string, method: string, url: string, attempts: number,
 *   last: number | string | null, schedule_time: string, is_live: boolean
 * }} TaskRow
 */
/** @typedef {{now: string, queues: QueueRow[], tasks: TaskRow[], total: number, offset: number, left_out: number}} Overview */

const TOKEN = "cloud-tasks-token";

/** An error that the server answered with, with the server's message. */
class ServerError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

class Server {
  constructor() {
    // The page's address may have the token after the #, a part that browsers never send.
    const given = location.hash.match(/^#token=(.+)$/)?.[1];
    if (!given) return;
    sessionStorage.setItem(TOKEN, given);
    history.replaceState(null, "", location.pathname + location.search);
  }

  /** @returns {Record<string, string>} */
  get headers() {
    const token = sessionStorage.getItem(TOKEN);
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async ask(method, path, body) {
    const headers = body ? { ...this.headers, "Content-Type": "application/json" } : this.headers;
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    const data = text ? JSON.parse(text) : {};
    if (!response.ok) throw new ServerError(response.status, data.error?.message ?? response.statusText);
    return data;
  }

  /**
   * @param {Record<string, string | number>} fields
   * @returns {Promise<Overview>}
   */
  overview(fields) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(fields)) if (value !== "") query.set(name, String(value));
    return this.ask("GET", `/control/overview?${query}`);
  }

  /**
   * Follow the events until the server ends the stream.
   * @param {(name: string, data: any) => void} onEvent
   * @param {AbortSignal} signal
   */
  async follow(onEvent, signal) {
    const response = await fetch("/control/events", { headers: this.headers, signal });
    if (!response.ok || !response.body) {
      const data = await response.json().catch(() => ({}));
      throw new ServerError(response.status, data.error?.message ?? response.statusText);
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const name = /^event: (.*)$/m.exec(block)?.[1] ?? "message";
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data) onEvent(name, JSON.parse(data));
      }
    }
  }
}
