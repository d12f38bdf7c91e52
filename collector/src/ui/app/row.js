// One event as a row of the table. Rows are drawn many times while the table is scrolled, so a row redraws only when something it
// shows has changed; clicks are handled by the table.

import { html, Component } from "../vendor/htm-preact.module.js";
import { LevelMark } from "./levels.js";
import { formatTime } from "./time.js";
import { summaryOf, sourceOf, originOf, timeDoubt } from "./event-text.js";

/** The id of a row's element, by which the table says which row is the current one. */
export const rowElementId = (id) => `event-${id}`;

const SHOWN = ["entry", "index", "zone", "open", "current", "fresh", "needle"];

export class Row extends Component {
  shouldComponentUpdate(next) {
    return SHOWN.some((name) => next[name] !== this.props[name]);
  }

  render({ entry, index, zone, open, current, fresh, needle }) {
    const { event, level } = entry;
    const source = sourceOf(event);
    const origin = originOf(event);
    const summary = summaryOf(event);
    const doubt = timeDoubt(event);
    const classes = ["row", `row-${level.name}`, open && "row-open", current && "row-current", fresh && "row-fresh"].filter(Boolean);
    return html`
      <div role="row" id=${rowElementId(entry.id)} class=${classes.join(" ")} data-testid="row" data-id=${entry.id} data-level=${level.name}
        aria-level="1" aria-rowindex=${index + 2} aria-expanded=${open ? "true" : "false"} aria-selected=${current ? "true" : "false"}>
        <div role="gridcell" class=${`cell cell-time${doubt ? " cell-doubt" : ""}`} title=${doubt || null}>${formatTime(entry.micros, zone)}</div>
        <div role="gridcell" class="cell cell-level"><${LevelMark} level=${level} /></div>
        <div role="gridcell" class="cell cell-source" title=${source.title}>
          ${source.host || html`<span class="faint">${source.id}</span>`}
          ${source.host && source.id && html`<span class="faint"> ${source.id}</span>`}
        </div>
        <div role="gridcell" class=${`cell cell-origin${origin.isFile ? "" : " faint"}`} title=${origin.title}>${origin.text}</div>
        <div role="gridcell" class=${`cell cell-message${summary.isData ? " faint" : ""}`}>${marked(summary.text, needle)}</div>
      </div>`;
  }
}

/** The text with every place that holds the searched words highlighted. */
function marked(text, needle) {
  if (!needle) return text;
  const lower = text.toLowerCase();
  const parts = [];
  let end = 0;
  for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, end)) {
    parts.push(text.slice(end, at), html`<mark>${text.slice(at, at + needle.length)}</mark>`);
    end = at + needle.length;
  }
  return parts.length ? [...parts, text.slice(end)] : text;
}
