// Texts and elements. Values from tests get into the page only through `made`, as text.

/**
 * One object of timeline(format="json").
 * @typedef {{
 *   offset: number, event: string, text: string, at?: string, queue?: string, task?: string,
 *   method?: string, url?: string, headers?: [string, string][], body?: string, tag?: string,
 *   schedule_offset?: number, dispatch_deadline?: number, oidc?: Record<string, string>,
 *   routing?: Record<string, string>, header_changes?: [string, string][],
 *   attempt?: number, forced?: boolean, deadline_offset?: number, request?: Message,
 *   result?: number | string, status?: string, succeeded?: boolean, dropped?: boolean, duration?: number,
 *   lost?: number, retry_offset?: number, exhausted?: string, response?: Message, exception?: string,
 *   until_offset?: number, rpc?: string, code?: string, error?: string, timeout?: number, message?: string,
 *   reason?: string
 * }} TimelineEvent
 */
/** @typedef {{method?: string, url?: string, status?: number, headers: [string, string][], body: string}} Message */
/** @typedef {{now: number, events: TimelineEvent[]}} Timeline */

const UNSAFE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * Return a text as the page shows it, with escapes in place of control and bidi characters.
 * @param {string} text
 * @returns {string}
 */
function printable(text) {
  return text.replace(UNSAFE, (one) => "\\u" + one.charCodeAt(0).toString(16).padStart(4, "0"));
}

/**
 * Return the beginning of a text.
 * @param {string} text
 * @param {number} length
 * @returns {string}
 */
function cut(text, length) {
  return text.length > length ? text.slice(0, length) + "…" : text;
}

/**
 * Make an element. Its text is never parsed as HTML.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {string} [className]
 * @param {string} [text]
 * @param {Node} [parent]
 * @returns {HTMLElementTagNameMap[K]}
 */
function made(name, className, text, parent) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = printable(text);
  if (parent) parent.appendChild(element);
  return element;
}

/**
 * @param {number} number
 * @param {string} noun
 * @returns {string}
 */
function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * Return seconds as `30 s`, `0.1 s`, `1 h 40 min`.
 * @param {number} seconds
 * @returns {string}
 */
function durationText(seconds) {
  if (seconds < 0) return "-" + durationText(-seconds);
  let micros = Math.round(seconds * 1e6);
  const fraction = micros % 6e7;
  let minutes = (micros - fraction) / 6e7;
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  minutes = minutes % 60;
  const parts = [];
  if (days) parts.push(`${days} d`);
  if (hours) parts.push(`${hours} h`);
  if (minutes) parts.push(`${minutes} min`);
  if (fraction || !parts.length) parts.push(`${Number((fraction / 1e6).toFixed(6))} s`);
  return parts.join(" ");
}

/**
 * Return an offset as `+0:00:30`, `+3d 0:00:00.100`.
 * @param {number} seconds
 * @returns {string}
 */
function offsetText(seconds) {
  const micros = Math.round(Math.abs(seconds) * 1e6);
  const whole = Math.floor(micros / 1e6);
  const rest = micros % 1e6;
  const days = Math.floor(whole / 86400);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  let fraction = rest ? "." + String(rest).padStart(6, "0") : "";
  if (fraction.endsWith("000")) fraction = fraction.slice(0, -3);
  const clock = `${Math.floor((whole % 86400) / 3600)}:${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  return `${seconds < 0 ? "-" : "+"}${days ? days + "d " : ""}${clock}${fraction}`;
}

/**
 * Return the ID at the end of a full name.
 * @param {string} name
 * @returns {string}
 */
function idOf(name) {
  return name.slice(name.lastIndexOf("/") + 1);
}

/**
 * Return path and host of a URL.
 * @param {string} url
 * @returns {[string, string]}
 */
function pathAndHost(url) {
  const parts = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)([^]*)$/i.exec(url);
  return parts ? [parts[2] || "/", parts[1]] : [url, ""];
}
