// Instants as people say them: how long ago or how soon, with the exact time as a tooltip.

import { html } from "../../vendor/htm-preact.module.js";
import { fieldOfInstant, formatClock, formatDate, formatDuration, zoneLabel } from "../time.js";

const NOW_MILLISECONDS = 5000;

/** `12 min ago`, `in 2 h` or `just now`. */
export function relative(text, now = Date.now()) {
  const distance = Date.parse(text) - now;
  if (Math.abs(distance) < NOW_MILLISECONDS) return "just now";
  return distance > 0 ? `in ${formatDuration(distance)}` : `${formatDuration(-distance)} ago`;
}

/** The exact time with its zone, for tooltips. */
export const exact = (text, zone) => `${fieldOfInstant(text, zone)} (${zoneLabel(zone)})`;

/** `09:18:44` of today, with the date for other days. */
export function clock(text, zone, now = Date.now()) {
  const milliseconds = Date.parse(text);
  const day = formatDate(milliseconds, zone);
  const time = formatClock(milliseconds, zone, "seconds");
  return day === formatDate(now, zone) ? time : `${day} ${time}`;
}

export function Ago({ at, zone }) {
  return html`<time class="number" datetime=${at} title=${exact(at, zone)}>${relative(at)}</time>`;
}

export function Clock({ at, zone }) {
  return html`<time class="number" datetime=${at} title=${`${exact(at, zone)}, ${relative(at)}`}>${clock(at, zone)}</time>`;
}

/** `12 min`: for how long something is so. */
export function Lasting({ since, zone }) {
  return html`<time class="number" datetime=${since} title=${`since ${exact(since, zone)}`}>${formatDuration(Math.max(1000, Date.now() - Date.parse(since)))}</time>`;
}
