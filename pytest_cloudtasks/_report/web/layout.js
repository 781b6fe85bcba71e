// The positions of items on the axis: instants are in order, and gaps grow with their logarithm.
//
// Three days between two attempts take little more room than an hour, and two attempts at one instant are side by side.
// `laidOut` writes x, width and row into the items.

const START = 14;
const AFTER = 90;
const SPACE = 4;
/** The axis shows the length of gaps of at least this many seconds. */
const LABELLED = 60;
const CHARACTER = 8;
const PADDING = 14;

/**
 * @typedef {{
 *   ticks: {x: number, text: string}[], gaps: {x: number, width: number, text: string}[], end: number, width: number
 * }} Axis
 */

/**
 * Return how far apart two instants are drawn: 10 pixels for 2 ms, 41 for 1 s, 100 and more from a minute on.
 * @param {number} gap seconds
 */
function stepOf(gap) {
  const pixels = 6 + 13 * Math.log10(1 + gap / 0.002);
  return gap >= LABELLED ? Math.max(pixels, 110) : pixels;
}

/** @param {Item} item */
function isLine(item) {
  return item.kind === "wait" || item.kind === "held";
}

/** @param {Item} item */
function leastWidth(item) {
  if (item.kind === "created" || item.kind === "due") return 12;
  return Math.max(item.kind === "mark" ? 24 : 36, item.label.length * CHARACTER + PADDING);
}

/**
 * Give each item its row in the lane: marks that overlap in time get different rows, lines are in the first.
 * @param {Item[]} items in the order of time
 * @param {number} now
 */
function rowsOf(items, now) {
  /** @type {number[]} */
  const ends = [];
  for (const item of items) {
    if (isLine(item)) {
      item.row = 0;
      continue;
    }
    let row = ends.findIndex((end) => end <= item.at);
    if (row < 0) row = ends.length;
    item.row = row;
    ends[row] = item.open ? Math.max(now, item.at) : item.until ?? item.at;
  }
  return Math.max(1, ends.length);
}

/**
 * Place the items of all lanes on one axis, which has the beginning and the end, `now`.
 * @param {{items: Item[], lane: Lane}[]} lanes
 * @param {Item[]} spans
 * @param {number} now
 * @param {(seconds: number) => string} instantText
 * @returns {Axis}
 */
function laidOut(lanes, spans, now, instantText) {
  /** @type {Map<number, {row: number, items: Item[]}[]>} */
  const starts = new Map();
  const instants = new Set([0, now]);
  let rows = 0;
  for (const { items, lane } of lanes) {
    lane.rows = rowsOf(items, now);
    for (const item of items) {
      instants.add(item.at);
      if (item.until !== undefined && !item.open) instants.add(item.until);
      const there = starts.get(item.at) ?? [];
      if (!there.length) starts.set(item.at, there);
      const last = there[there.length - 1];
      if (last?.row === rows + item.row) last.items.push(item);
      else there.push({ row: rows + item.row, items: [item] });
    }
    rows += lane.rows;
  }
  for (const span of spans) instants.add(span.at).add(span.until ?? span.at);
  const free = new Float64Array(rows);
  /** @type {Map<number, number>} */
  const xs = new Map();
  const sorted = [...instants].sort((one, other) => one - other);
  let left = START;
  let before = NaN;
  let end = 0;
  for (const instant of sorted) {
    if (!Number.isNaN(before)) left += stepOf(instant - before);
    const there = starts.get(instant) ?? [];
    for (const { row, items } of there) if (items.some((one) => !isLine(one))) left = Math.max(left, free[row]);
    xs.set(instant, left);
    let last = left;
    for (const { row, items } of there) {
      let cursor = Math.max(left, free[row]);
      for (const item of items) {
        item.x = cursor;
        if (isLine(item)) {
          free[row] = Math.max(free[row], cursor + (item.label ? item.label.length * 7 + SPACE : 0));
          continue;
        }
        last = Math.max(last, cursor);
        item.width = leastWidth(item);
        cursor += item.width + SPACE;
        free[row] = cursor;
      }
    }
    if (instant === now) end = last = Math.max(left, ...there.map(({ row }) => free[row])) + SPACE;
    left = last;
    before = instant;
  }
  const reach = (/** @type {Item} */ item) => (item.open ? end : xs.get(item.until ?? item.at) ?? item.x);
  let width = end;
  for (const { items, lane } of lanes) width = Math.max(width, stretched(items, lane, reach));
  for (const span of spans) {
    span.x = xs.get(span.at) ?? 0;
    span.width = Math.max(6, reach(span) - span.x);
  }
  return { ...labelled(sorted, xs, now, end, instantText), end, width: width + AFTER };
}

/**
 * Extend marks to their end, and begin lines beside the marks of their instant; return the right edge.
 * @param {Item[]} items
 * @param {Lane} lane
 * @param {(item: Item) => number} reach
 */
function stretched(items, lane, reach) {
  let right = 0;
  let furthest = 0;
  lane.ends = [];
  for (const item of items) {
    if (isLine(item)) {
      item.x = Math.max(item.x, item.row === 0 ? right : 0);
      item.width = Math.max(0, reach(item) - item.x);
    } else {
      if (item.kind !== "created" && item.kind !== "due") item.width = Math.max(item.width, reach(item) - SPACE - item.x);
      if (item.row === 0) right = item.x + item.width;
    }
    furthest = Math.max(furthest, item.x + item.width);
    lane.ends.push(furthest);
  }
  return furthest;
}

/**
 * Return the ticks that have room, and the lengths of long gaps.
 * @param {number[]} instants
 * @param {Map<number, number>} xs
 * @param {number} now
 * @param {number} end
 * @param {(seconds: number) => string} instantText
 */
function labelled(instants, xs, now, end, instantText) {
  const ticks = [];
  const gaps = [];
  let free = -Infinity;
  let before = null;
  for (const instant of instants) {
    const x = xs.get(instant) ?? 0;
    if (before && instant - before.instant >= LABELLED) {
      gaps.push({ x: before.x, width: x - before.x, text: durationText(Math.round(instant - before.instant)) });
    }
    before = { instant, x: instant === now ? end : x };
    if (x < free) continue;
    const text = instantText(instant);
    ticks.push({ x, text });
    free = x + text.length * CHARACTER + PADDING;
  }
  return { ticks, gaps };
}
