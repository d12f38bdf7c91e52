// The live stream of the events that match a question (server-sent events). What arrives is handed on once per frame, however
// fast it comes; while the page is hidden it is kept, up to a limit, and what is beyond it is counted as lost.
//
// The browser reconnects by itself after a broken connection and then says which event it saw last. It gives up when the server
// answers with an error status; only then does this file try again by the clock.

import { liveAddress, readHealth } from "./api.js";

/** Events kept between two frames: a hidden page may wait for hours. */
const KEPT_MAX = 5000;
/** As long as browsers wait before they reconnect on their own. */
const RETRY_MILLISECONDS = 3000;

export class LiveStream {
  /**
   * @param parameters level, q and filter of the question
   * @param {{onEvents(events: object[]): void, onLost(): void, onOpen(resumed: boolean): void, onAway(): void}} listener
   *   `onLost`: events were missed that will not come again. `onOpen`: connected, `resumed` if the server fills the pause.
   */
  constructor(parameters, listener) {
    this.address = liveAddress(parameters);
    this.listener = listener;
    this.kept = [];
    this.lost = false;
    this.frame = 0;
    this.open = false;
    this.retry = 0;
    this.lastEventId = "";
    this.onVisible = () => document.hidden || this.schedule();
    this.onOnline = () => this.open || this.connect();
    document.addEventListener("visibilitychange", this.onVisible);
    window.addEventListener("online", this.onOnline);
    this.connect();
  }

  connect() {
    clearTimeout(this.retry);
    this.source?.close();
    const source = new EventSource(this.address);
    this.source = source;
    let resumable = false;
    source.onopen = () => {
      this.open = true;
      this.listener.onOpen(resumable);
      resumable = false;
    };
    source.onmessage = ({ data, lastEventId }) => {
      this.lastEventId = lastEventId;
      if (this.kept.length < KEPT_MAX) this.kept.push(JSON.parse(data));
      else this.lost = true;
      this.schedule();
    };
    source.addEventListener("gap", () => {
      this.lost = true;
      this.schedule();
    });
    source.onerror = () => this.broken(source, () => (resumable = this.lastEventId !== ""));
  }

  async broken(source, willResume) {
    this.open = false;
    willResume();
    if (source.readyState === EventSource.CLOSED) {
      this.retry = setTimeout(() => this.connect(), RETRY_MILLISECONDS);
    }
    // A proxy that cuts long connections is no reason for alarm; a server that does not answer is.
    const answered = await readHealth().then(() => true, (problem) => !problem.away);
    if (!answered && !this.open && this.source === source) this.listener.onAway();
  }

  schedule() {
    if (this.frame || document.hidden) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const { kept, lost } = this;
      this.kept = [];
      this.lost = false;
      if (kept.length) this.listener.onEvents(kept);
      if (lost) this.listener.onLost();
    });
  }

  close() {
    clearTimeout(this.retry);
    cancelAnimationFrame(this.frame);
    document.removeEventListener("visibilitychange", this.onVisible);
    window.removeEventListener("online", this.onOnline);
    this.source?.close();
    this.source = null;
  }
}
