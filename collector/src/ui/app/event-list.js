// The events held in memory, newest first by (time, id), each id once. The length is bounded: when newer events push the
// oldest ones out, `trimmed` says so, because the server's cursor then no longer continues from the last row.

import { microsOf } from "./time.js";
import { levelOf } from "./levels.js";

/** @typedef {{id: string, micros: number, level: object, event: object}} Entry */

/** @returns {Entry} */
export function entryOf(event) {
  const id = event._id ?? event.event_id;
  const micros = microsOf(event._labtrail?.time ?? event.event_timestamp);
  return { id, micros, level: levelOf(event.log_level), event };
}

/** Negative when `a` stands above `b`. */
function newestFirst(a, b) {
  return b.micros - a.micros || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

export class EventList {
  constructor(lengthMax) {
    this.lengthMax = lengthMax;
    this.clear();
  }

  clear() {
    /** @type {Entry[]} */
    this.entries = [];
    this.byId = new Map();
    this.trimmed = false;
  }

  get length() {
    return this.entries.length;
  }

  get full() {
    return this.entries.length >= this.lengthMax;
  }

  /** Adds a page of older events below, in the server's order. */
  append(events) {
    for (const event of events) {
      const entry = entryOf(event);
      if (this.byId.has(entry.id)) continue;
      if (this.full) {
        this.trimmed = true;
        return;
      }
      this.byId.set(entry.id, entry);
      this.entries.push(entry);
    }
  }

  /** Puts events where they belong by time, for instance on top. Returns the entries that were not there before. */
  insert(events) {
    const fresh = [];
    for (const event of events) {
      const entry = entryOf(event);
      if (this.byId.has(entry.id)) continue;
      this.byId.set(entry.id, entry);
      fresh.push(entry);
    }
    if (fresh.length === 0) return fresh;
    fresh.sort(newestFirst);
    this.entries = merge(fresh, this.entries);
    while (this.entries.length > this.lengthMax) {
      this.byId.delete(this.entries.pop().id);
      this.trimmed = true;
    }
    return fresh;
  }

  get(id) {
    return this.byId.get(id);
  }

  indexOf(id) {
    const entry = this.byId.get(id);
    if (!entry) return -1;
    let low = 0;
    let high = this.entries.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const order = newestFirst(this.entries[middle], entry);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    // Only if the server orders times finer than a microsecond.
    return this.entries.indexOf(entry);
  }
}

function merge(fresh, old) {
  if (old.length === 0 || newestFirst(fresh[fresh.length - 1], old[0]) < 0) return fresh.concat(old);
  const merged = [];
  let next = 0;
  for (const entry of old) {
    while (next < fresh.length && newestFirst(fresh[next], entry) < 0) merged.push(fresh[next++]);
    merged.push(entry);
  }
  while (next < fresh.length) merged.push(fresh[next++]);
  return merged;
}
