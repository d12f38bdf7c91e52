// What the plots of the pages share: colours from the style sheet, and a time axis in the zone of the page.

import { formatDate, formatClock } from "./time.js";

const DAY_SECONDS = 86_400;

export const AXIS_FONT = "11px system-ui, sans-serif";

/** The value of a property of the style sheet, which a canvas cannot read by itself. */
export const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** How uPlot makes dates, so that its steps fall on whole days of the zone. */
export const dateIn = (zone) => (seconds) => (zone === "utc" ? globalThis.uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") : new Date(seconds * 1000));

/** Labels of the time axis: the day stands where it changes. */
export function timeLabels(zone) {
  return (plot, splits, axis, space, step) => {
    let dayBefore = "";
    return splits.map((seconds) => {
      const day = formatDate(seconds * 1000, zone);
      if (step >= 28 * DAY_SECONDS) return day.slice(0, 7);
      if (step >= DAY_SECONDS) return day;
      const clock = formatClock(seconds * 1000, zone, step < 1 ? "milliseconds" : step < 60 ? "seconds" : "minutes");
      const label = day === dayBefore ? clock : `${clock}\n${day}`;
      dayBefore = day;
      return label;
    });
  };
}
