// How the matching events are spread over time and levels: the numbers behind the histogram. New events are counted in as they
// arrive; when they outgrow the buckets, `outgrown` asks for fresh numbers from the server.

import { levelOf } from "./levels.js";

/** The server was asked for this many buckets; live events may add as many again by half before they are asked for anew. */
export const BUCKETS = 80;
const BUCKETS_MAX = BUCKETS * 1.5;

export class Distribution {
  /** @param answer of /api/v1/events/histogram */
  constructor(answer) {
    this.width = Math.max(1, answer.bucket_ms);
    const from = Date.parse(answer.from);
    const to = Date.parse(answer.to);
    const first = answer.buckets.length ? Date.parse(answer.buckets[0].time) : from;
    // Buckets may be aligned to round times rather than to `from`.
    this.start = first - Math.ceil((first - from) / this.width) * this.width;
    this.length = Math.min(BUCKETS_MAX * 4, Math.max(1, Math.ceil((to - this.start) / this.width)));
    this.total = answer.total;
    this.complete = answer.complete;
    this.outgrown = false;
    /** @type {Map<number, Map<number, number>>} level -> bucket -> count */
    this.counts = new Map();
    for (const { time, counts } of answer.buckets) {
      const bucket = Math.floor((Date.parse(time) - this.start) / this.width);
      for (const [level, count] of Object.entries(counts)) this.#count(levelOf(Number(level)).value, bucket, count);
    }
  }

  #count(level, bucket, count) {
    if (!this.counts.has(level)) this.counts.set(level, new Map());
    const buckets = this.counts.get(level);
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + count);
    if (bucket >= this.length) this.length = bucket + 1;
  }

  /** Counts one more event. */
  add(micros, level) {
    this.total += 1;
    const bucket = Math.floor((micros / 1000 - this.start) / this.width);
    if (bucket < 0 || bucket >= BUCKETS_MAX) this.outgrown = true;
    else this.#count(level, bucket, 1);
  }

  of(level, bucket) {
    return this.counts.get(level)?.get(bucket) ?? 0;
  }

  totalOf(level) {
    let total = 0;
    for (const count of this.counts.get(level)?.values() ?? []) total += count;
    return total;
  }

  timeOf(bucket) {
    return this.start + bucket * this.width;
  }
}
