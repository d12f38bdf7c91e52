// What the page says about itself: how many events are shown, that the collector is away, and short notes.

import { html } from "../vendor/htm-preact.module.js";
import { formatCount } from "./count.js";

export function Status({ search, stale }) {
  const { length } = search.events;
  const total = Math.max(search.distribution?.total ?? 0, length);
  const events = length === 1 ? "event" : "events";
  const all = !search.cursor && !search.events.trimmed;
  const atLeast = search.distribution?.complete === false ? "at least " : "";
  const text = !search.ready ? "Loading …" : all ? `${formatCount(length)} ${events}` : `${formatCount(length)} of ${search.distribution ? atLeast + formatCount(total) : "more"} events`;
  return html`
    <div class="status">
      <span data-testid="count" data-count=${length}>${text}</span>
      ${stale && html`<span class="faint">from before the last change</span>`}
      ${search.ready && !search.complete && html`<span class="partial">partial: ${formatCount(search.scanned)} events looked at so far</span>`}
    </div>`;
}

export function Away({ search }) {
  return html`<div class="banner" role="alert" data-testid="error">The collector does not answer. What is shown may be old; the page goes on by itself as soon as it is back.
    <button type="button" class="button" onClick=${() => search.stream.connect()}>Try now</button></div>`;
}

/** A short note that leaves by itself when its animation ends, or at a click. */
export function Note({ text, done }) {
  return html`<button type="button" class="note" key=${text} onClick=${done} onAnimationEnd=${done}>${text}</button>`;
}
