// The events on which an alert rests, each in a line.

import { html, useEffect, useState } from "../../vendor/htm-preact.module.js";
import { readEvent } from "../api.js";
import { formatCount } from "../count.js";
import { entryOf } from "../event-list.js";
import { sourceOf, summaryOf } from "../event-text.js";
import { LevelMark } from "../levels.js";
import { formatTime } from "../time.js";
import { eventAddress } from "./events-address.js";

/** So many are read at first. */
const SHOWN_FIRST = 5;
const KEPT_MAX = 500;

/** Events never change, so each is read once. id -> entry, or null for one that is no longer stored. */
const known = new Map();

function useEntries(ids) {
  const [, redraw] = useState(0);
  const wanted = ids.join(" ");
  useEffect(() => {
    const abort = new AbortController();
    const keep = (id, entry) => {
      if (known.size >= KEPT_MAX) known.delete(known.keys().next().value);
      known.set(id, entry);
      if (!abort.signal.aborted) redraw((count) => count + 1);
    };
    for (const id of ids) {
      if (known.has(id)) continue;
      readEvent(id, abort.signal).then(
        (event) => keep(id, entryOf(event)),
        (problem) => problem.status === 404 && keep(id, null),
      );
    }
    return () => abort.abort();
  }, [wanted]);
  return ids.map((id) => ({ id, entry: known.get(id) }));
}

function Line({ id, entry, zone }) {
  if (entry === undefined) return html`<li class="evidence-line faint">…</li>`;
  if (entry === null) return html`<li class="evidence-line faint" data-testid="evidence-gone">${id} is no longer stored</li>`;
  const source = sourceOf(entry.event);
  const summary = summaryOf(entry.event);
  return html`<li><a class="evidence-line" data-testid="evidence" href=${eventAddress(id, zone)} title="Open the event">
    <span class="cell-time">${formatTime(entry.micros, zone)}</span><${LevelMark} level=${entry.level} />
    <span class="evidence-source" title=${source.title}>${source.host || source.id}</span><span class="evidence-message">${summary.text}</span></a></li>`;
}

/** `ids`: the newest first. */
export function Evidence({ ids, count, zone }) {
  const [all, setAll] = useState(false);
  const entries = useEntries(all ? ids : ids.slice(0, SHOWN_FIRST));
  if (ids.length === 0) return null;
  const hidden = ids.length - entries.length;
  return html`
    <h3 class="part-heading">Events <span class="faint number">${formatCount(count)}</span></h3>
    <ul class="evidence">${entries.map(({ id, entry }) => html`<${Line} key=${id} id=${id} entry=${entry} zone=${zone} />`)}</ul>
    ${hidden > 0 && html`<button type="button" class="button-plain" data-testid="evidence-more" onClick=${() => setAll(true)}>Show ${hidden} more</button>`}
    ${all && count > ids.length && html`<p class="faint part-note">Only the newest are kept with the alert.</p>`}`;
}
