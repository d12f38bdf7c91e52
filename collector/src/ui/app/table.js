// The table of events. Only the rows in sight (and a few around them) are elements of the page; a spacer gives the scroll bar the
// height of all of them. Rows have one height, so the row at a scroll position is a division; the one opened event below its row
// is measured.

import { html, useState, useRef, useEffect, useLayoutEffect } from "../vendor/htm-preact.module.js";
import { Row, rowElementId } from "./row.js";
import { Detail } from "./detail.js";
import { zoneLabel } from "./time.js";

/** Rows drawn above and below what is in sight, so that a quick scroll does not show emptiness. */
const ROWS_AROUND = 12;
/** The window of rows moves in steps, so that not every pixel of scrolling draws anew. */
const ROWS_STEP = 8;
/** The next page is asked for when fewer rows than this are below the window. */
const ROWS_AHEAD = 100;
const FRESH_MILLISECONDS = 1500;
/** "At the top" for a reader with an inexact wheel. */
const TOP_PIXELS = 4;

export function Table({ search, view, stale, currentId, actions, scroller, children }) {
  const { entries } = search.events;
  const [window_, setWindow] = useState({ start: 0, end: 48 });
  const [rowHeight, setRowHeight] = useState(28);
  const [detailHeight, setDetailHeight] = useState(0);
  const detail = useRef(null);
  const openIndex = view.event ? search.events.indexOf(view.event) : -1;
  const openHeight = openIndex >= 0 ? detailHeight : 0;

  const measure = () => {
    const box = scroller.current;
    const header = box.querySelector(".table-head").offsetHeight;
    const rowAt = (y) => {
      const row = Math.floor(y / rowHeight);
      return openIndex >= 0 && row > openIndex ? Math.max(openIndex, Math.floor((y - openHeight) / rowHeight)) : row;
    };
    const top = rowAt(box.scrollTop);
    const bottom = rowAt(box.scrollTop + box.clientHeight - header);
    const start = Math.max(0, Math.floor((top - ROWS_AROUND) / ROWS_STEP) * ROWS_STEP);
    const end = Math.ceil((bottom + ROWS_AROUND) / ROWS_STEP) * ROWS_STEP;
    if (start !== window_.start || end !== window_.end) setWindow({ start, end });
    actions.atTop(box.scrollTop <= TOP_PIXELS);
  };

  useLayoutEffect(measure);

  useEffect(() => {
    const box = scroller.current;
    const observer = new ResizeObserver(() => {
      setRowHeight(parseFloat(getComputedStyle(box).getPropertyValue("--row-height")));
    });
    observer.observe(box);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (!detail.current) return undefined;
    const observer = new ResizeObserver(([{ target }]) => setDetailHeight(target.offsetHeight));
    observer.observe(detail.current);
    return () => observer.disconnect();
  }, [view.event, openIndex >= window_.start && openIndex < window_.end]);

  useEffect(() => {
    // Asked of the search as it is now: an answer may have come since the rows were drawn.
    const nearEnd = window_.end + ROWS_AHEAD >= search.events.length;
    if (nearEnd && search.ready && !search.reading && search.complete && !search.problem) search.more();
  });

  const start = Math.min(window_.start, Math.max(0, entries.length - 1));
  const rows = entries.slice(start, window_.end);
  const offset = start * rowHeight + (openIndex >= 0 && openIndex < start ? openHeight : 0);
  const now = performance.now();
  const needle = view.q.trim().toLowerCase();

  const rowOf = (target) => target.closest?.("[data-testid=row]");
  const onClick = ({ target }) => {
    const row = rowOf(target);
    // A click that ends the marking of text is not a wish to open.
    if (row && !String(getSelection())) actions.toggle(row.dataset.id);
  };

  return html`
    <div class=${`table${stale ? " table-stale" : ""}`} role="treegrid" aria-label="Events, newest first" aria-rowcount=${search.cursor ? -1 : entries.length + 1}
      aria-colcount="5" aria-busy=${search.reading ? "true" : "false"} tabindex="0" data-testid="events" ref=${scroller}
      aria-activedescendant=${currentId && rows.some(({ id }) => id === currentId) ? rowElementId(currentId) : null}
      onScroll=${measure} onClick=${onClick}>
      <div role="rowgroup" class="table-head">
        <div role="row" class="row row-head" aria-rowindex="1">
          <div role="columnheader" class="cell cell-time">Time <span class="faint" data-testid="zone">${zoneLabel(view.zone)}</span></div>
          <div role="columnheader" class="cell cell-level">Level</div>
          <div role="columnheader" class="cell cell-source">Source</div>
          <div role="columnheader" class="cell cell-origin">File or type</div>
          <div role="columnheader" class="cell cell-message">Message</div>
        </div>
      </div>
      <div role="rowgroup" class="table-body" style=${`height: ${entries.length * rowHeight + openHeight}px`}>
        <div role="presentation" class="table-window" style=${`transform: translateY(${offset}px)`}>
          ${rows.flatMap((entry, place) => {
            const open = entry.id === view.event;
            const fresh = now - (search.arrived.get(entry.id) ?? -Infinity) < FRESH_MILLISECONDS;
            const row = html`<${Row} key=${entry.id} entry=${entry} index=${start + place} zone=${view.zone} open=${open}
              current=${entry.id === currentId} fresh=${fresh} needle=${needle} />`;
            return open
              ? [row, html`<div key=${`${entry.id}-detail`} role="row" aria-level="2" class="row-detail" ref=${detail}><div role="gridcell" aria-colspan="5"><${Detail} entry=${entry} actions=${actions} /></div></div>`]
              : [row];
          })}
        </div>
      </div>
      <div role="rowgroup"><div role="row"><div role="gridcell" aria-colspan="5">${children}</div></div></div>
    </div>`;
}

/** The row that an unopened table begins with at its present scroll position. */
export function firstInSight(box) {
  return Math.ceil(box.scrollTop / parseFloat(getComputedStyle(box).getPropertyValue("--row-height")));
}

/** Scrolls as little as needed to bring a row into sight. */
export function scrollToRow(box, index, openIndex) {
  const rowHeight = parseFloat(getComputedStyle(box).getPropertyValue("--row-height"));
  const header = box.querySelector(".table-head").offsetHeight;
  const detailHeight = openIndex >= 0 && openIndex < index ? (box.querySelector(".row-detail")?.offsetHeight ?? 0) : 0;
  const top = index * rowHeight + detailHeight;
  const inSight = box.clientHeight - header;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + rowHeight > box.scrollTop + inSight) box.scrollTop = top + rowHeight - inSight;
}
