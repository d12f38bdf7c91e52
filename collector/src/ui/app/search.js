// A search: one question to the collector and all that comes of it. It reads the first page and the distribution, further pages
// on demand, and listens to the live stream from the same moment on, so that nothing falls between history and presence.
//
// New events go into the list at once, or wait while the reader is `held` (paused, scrolled away, or reading one event), so that
// nothing moves under their eyes. The stream stays open even then: it also tells that the collector is there.

import { readPage, readHistogram } from "./api.js";
import { EventList, entryOf } from "./event-list.js";
import { Distribution, BUCKETS } from "./distribution.js";
import { LiveStream } from "./live.js";
import { microsOf } from "./time.js";

/** Rows in memory; more would make a tab slow, and nobody reads them. */
export const ROWS_MAX = 100_000;
/** Events that wait for a held reader; beyond this the first page is read anew instead. */
const WAITING_MAX = 5000;
/** The first page fills a screen quickly, later ones are fewer round trips. */
const PAGE_FIRST = 200;
const PAGE_MAX = 2000;
/** A burst of old events would otherwise ask for the distribution on every frame. */
const DISTRIBUTION_PAUSE_MILLISECONDS = 5000;
/** The most of what arrived during the first query that is fetched in one go. */
const CATCH_UP_MAX = 1000;
/** How far before the first answer's time catching up begins: the answer's clock shows whole seconds. */
const CATCH_UP_MARGIN_MICROS = 5_000_000;

export class Search {
  /** @param parameters from, to, level, q, filter */
  constructor(parameters, onChange) {
    this.parameters = parameters;
    this.onChange = onChange;
    this.events = new EventList(ROWS_MAX);
    this.distribution = null;
    this.distributionTime = 0;
    this.waiting = new Map();
    this.waitingMore = 0;
    this.held = false;
    this.ready = false;
    /** The query under way, if there is one. */
    this.inFlight = null;
    this.answered = NaN;
    this.closed = false;
    this.problem = null;
    this.away = false;
    this.cursor = null;
    this.complete = true;
    this.scanned = 0;
    this.pageSize = PAGE_FIRST;
    this.arrived = new Map();
    this.abort = new AbortController();
    this.from = parameters.from ? microsOf(parameters.from) : -Infinity;
    this.to = parameters.to ? microsOf(parameters.to) : Infinity;
    this.again = false;
    this.firstPage = this.load();
    const { level, q, filter } = parameters;
    this.stream = new LiveStream({ level, q, filter }, {
      onEvents: (events) => this.receive(events),
      onLost: () => this.lost(),
      onOpen: (resumed) => this.connected(resumed),
      onAway: () => this.disconnected(),
    });
  }

  get reading() {
    return this.inFlight !== null;
  }

  close() {
    this.closed = true;
    this.abort.abort();
    this.stream.close();
    this.onChange = () => {};
  }

  /** Reads the newest page and starts the list over. */
  load() {
    if (this.inFlight) {
      this.again = true;
      return this.inFlight;
    }
    this.readDistribution();
    return this.read({ limit: PAGE_FIRST }, (page) => {
      this.events.clear();
      this.waiting.clear();
      this.waitingMore = 0;
      this.pageSize = PAGE_FIRST;
      this.scanned = 0;
      this.takePage(page);
      this.ready = true;
    });
  }

  /** Reads the next page of older events. */
  more() {
    if (this.inFlight) return this.inFlight;
    if (this.closed || !this.cursor || this.events.full || this.events.trimmed) return Promise.resolve();
    this.pageSize = Math.min(PAGE_MAX, Math.round(this.pageSize * 2.5));
    return this.read({ limit: this.pageSize, cursor: this.cursor }, (page) => this.takePage(page));
  }

  takePage(page) {
    this.events.append(page.items);
    this.cursor = page.next_cursor;
    this.complete = page.complete !== false;
    this.scanned += page.scanned ?? 0;
  }

  read(parameters, take) {
    this.inFlight = this.ask(parameters, take).finally(() => {
      this.inFlight = null;
      this.onChange();
      if (!this.again || this.closed) return undefined;
      this.again = false;
      return this.load();
    });
    this.onChange();
    return this.inFlight;
  }

  async ask(parameters, take) {
    try {
      const page = await readPage({ order: "desc", ...this.parameters, ...parameters }, this.abort.signal);
      this.answered = page.answered;
      take(page);
      this.problem = null;
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.problem = problem;
      this.away ||= Boolean(problem.away);
      // A refused question would be refused by the stream as well, again and again.
      if (problem.status >= 400 && problem.status < 500 && !this.ready) this.stream?.close();
      // The stream may not have noticed yet; its reconnecting is what tells that the collector is back.
      if (problem.away && this.stream?.open) this.stream.connect();
    }
  }

  async readDistribution() {
    this.distributionTime = Date.now();
    try {
      // A range that reaches to the present is drawn up to the present, not up to the last event.
      const to = this.parameters.to || (this.parameters.from ? new Date().toISOString() : "");
      const answer = await readHistogram({ ...this.parameters, to, buckets: BUCKETS }, this.abort.signal);
      this.distribution = new Distribution(answer);
      this.onChange();
    } catch {
      // The page's own query tells what is wrong; without the distribution the rows are still useful.
    }
  }

  /** Whether an error lies below the last row that is loaded. */
  async olderErrorExists() {
    if (!this.cursor) return false;
    const last = this.events.entries.at(-1);
    const to = last ? new Date(Math.ceil(last.micros / 1000)).toISOString() : this.parameters.to;
    const page = await readPage({ ...this.parameters, level: "ERROR", to, order: "desc", limit: 1 }, this.abort.signal).catch(() => null);
    return page !== null && (page.items.length > 0 || page.complete === false);
  }

  connected(resumed) {
    const wasAway = this.away;
    this.away = false;
    if (!this.ready && this.problem?.away) this.load();
    else if (wasAway && !resumed) this.lost();
    else if (!resumed) this.catchUp();
    else if (this.problem?.away) this.problem = null;
    this.onChange();
  }

  disconnected() {
    this.away = true;
    this.onChange();
  }

  /** Fetches what was stored after the first page was read and before the stream was open. */
  async catchUp() {
    if (!this.ready) await this.firstPage;
    if (!this.ready || this.closed) return;
    // A row from a clock that runs ahead must not hide what came after it; an empty list says nothing about time.
    const newest = this.events.entries[0]?.micros ?? Infinity;
    const answered = Number.isNaN(this.answered) ? newest : this.answered * 1000 - CATCH_UP_MARGIN_MICROS;
    const micros = Math.max(this.from, Math.min(newest, answered));
    const from = Number.isFinite(micros) ? new Date(Math.floor(micros / 1000)).toISOString() : this.parameters.from;
    try {
      const page = await readPage({ ...this.parameters, order: "desc", from, limit: CATCH_UP_MAX }, this.abort.signal);
      if (page.next_cursor) this.lost();
      else this.receive(page.items);
    } catch {
      // If the collector went away, the stream tells so; and when it is back there is a new catching up.
    }
  }

  /** Events were missed: read the newest page again, now or when the reader is ready for it. */
  lost() {
    if (this.held) {
      this.waitingMore += 1;
      this.onChange();
    } else {
      this.load();
    }
  }

  receive(events) {
    const fresh = [];
    for (const event of events) {
      const { id, micros, level } = entryOf(event);
      const outside = micros < this.from || micros >= this.to;
      if (outside || this.events.get(id) || this.waiting.has(id)) continue;
      fresh.push(event);
      this.distribution?.add(micros, level.value);
      if (this.held) {
        if (this.waiting.size < WAITING_MAX) this.waiting.set(id, event);
        else this.waitingMore += 1;
      }
    }
    if (fresh.length === 0) return;
    if (!this.held) this.show(fresh);
    if (this.distribution?.outgrown && Date.now() - this.distributionTime > DISTRIBUTION_PAUSE_MILLISECONDS) this.readDistribution();
    this.onChange();
  }

  show(events) {
    const now = performance.now();
    this.arrived.clear();
    for (const { id } of this.events.insert(events)) this.arrived.set(id, now);
  }

  get waitingCount() {
    return this.waiting.size + this.waitingMore;
  }

  /** Tells whether new events may move the rows; lets in what has waited. */
  hold(held) {
    if (this.held === held) return;
    this.held = held;
    if (!held) this.release();
  }

  release() {
    if (this.waitingMore) {
      this.load();
    } else if (this.waiting.size) {
      const events = [...this.waiting.values()];
      this.waiting.clear();
      this.show(events);
      this.onChange();
    }
  }
}
