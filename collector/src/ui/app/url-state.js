// The view: everything that decides what the page shows. It lives in the address, so that the back button works and a
// copied link shows the same thing to somebody else. What has its default value is left out.

import { useRef } from "../vendor/htm-preact.module.js";
import { useAddressedView } from "./addressed-view.js";
import { RANGES } from "./time.js";

/**
 * @typedef {object} View
 * @property {string} range  one of RANGES, or "custom" when `from` or `to` is set
 * @property {string} from   RFC 3339, or empty
 * @property {string} to     RFC 3339, or empty
 * @property {string} level  the lowest level shown, or empty
 * @property {string} q      free text
 * @property {string} filter MongoDB selector as JSON text
 * @property {"local"|"utc"} zone
 * @property {boolean} live
 * @property {string} event  id of the event whose JSON is open
 */

const DEFAULT = { range: "all", from: "", to: "", level: "", q: "", filter: "", zone: "local", live: true, event: "" };

/** @returns {View} */
export function viewOfAddress(query) {
  const parameters = new URLSearchParams(query);
  const view = { ...DEFAULT };
  for (const name of ["from", "to", "level", "q", "filter", "event"]) view[name] = parameters.get(name) ?? "";
  if (view.from || view.to) view.range = "custom";
  else if (RANGES.some(({ name }) => name === parameters.get("range"))) view.range = parameters.get("range");
  if (parameters.get("tz") === "utc") view.zone = "utc";
  if (parameters.get("live") === "0") view.live = false;
  return view;
}

/** @param {View} view */
export function addressOfView(view) {
  const parameters = new URLSearchParams();
  if (view.range !== "custom" && view.range !== DEFAULT.range) parameters.set("range", view.range);
  for (const name of ["from", "to", "level", "q", "filter", "event"]) {
    if (view[name]) parameters.set(name, view[name]);
  }
  if (view.zone === "utc") parameters.set("tz", "utc");
  if (!view.live) parameters.set("live", "0");
  const text = parameters.toString();
  return text ? `?${text}` : location.pathname;
}

/** What of the view the server is asked for; two views with the same question share their events. */
export function questionOf(view) {
  return JSON.stringify([view.range, view.from, view.to, view.level, view.q, view.filter]);
}

/** @returns the parameters of a query; a relative range is counted back from `now`. */
export function parametersOf(view, now) {
  const range = RANGES.find(({ name }) => name === view.range);
  const from = range?.milliseconds ? new Date(now - range.milliseconds).toISOString() : view.from;
  return { from, to: view.to, level: view.level, q: view.q, filter: view.filter };
}

export function hasFilters(view) {
  return Boolean(view.level || view.q || view.filter || view.range !== DEFAULT.range);
}

export function withoutFilters(view) {
  return { ...DEFAULT, zone: view.zone, live: view.live };
}

/** The view and the two ways to change it: as a step that the back button undoes, or in place. */
export function useView() {
  const { view, put } = useAddressedView(viewOfAddress, addressOfView);
  const typed = useRef(false);
  return {
    view,
    /** `typing` changes after the first one are one step together. */
    change(changes, typing = false) {
      put(changes, typing && typed.current);
      typed.current = typing;
    },
    adjust: (changes) => put(changes, true),
  };
}
