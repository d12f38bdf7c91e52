// What stands below the last row: that older events are on their way, that there are none, or how to go on.

import { html } from "../vendor/htm-preact.module.js";
import { formatCount } from "./count.js";
import { ROWS_MAX } from "./search.js";
import { hasFilters } from "./url-state.js";
import { NoEventsYet, NothingMatches } from "./empty.js";

export function End({ search, view, change, clear }) {
  const { events } = search;
  if (!search.ready) return search.problem ? null : html`<p class="end">Loading …</p>`;
  if (search.reading && events.length) return html`<p class="end">Loading older events …</p>`;
  if (!search.complete && search.cursor) {
    return html`<p class="end">Searched ${formatCount(search.scanned)} events so far; older ones have not been looked at.
      <button type="button" class="button" data-testid="continue" onClick=${() => search.more()}>Search on</button></p>`;
  }
  if (events.length === 0) return hasFilters(view) ? html`<${NothingMatches} view=${view} change=${change} clear=${clear} />` : html`<${NoEventsYet} />`;
  if (events.trimmed || (events.full && search.cursor)) {
    const last = events.entries[events.length - 1];
    const to = new Date(Math.ceil(last.micros / 1000) + 1).toISOString();
    return html`<p class="end">${formatCount(ROWS_MAX)} rows are loaded, as many as the page keeps.
      <button type="button" class="button" onClick=${() => change({ range: "custom", from: search.parameters.from, to })}>Go on from here</button></p>`;
  }
  return search.cursor ? null : html`<p class="end faint">No older events</p>`;
}
