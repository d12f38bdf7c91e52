// The view of the alerts page. It lives in the address, so that the back button works and a copied link shows the same to somebody else.
// What has its default value is left out.

import { useAddressedView } from "../addressed-view.js";

/** The tabs, in their order. */
export const VIEWS = [
  { name: "firing", label: "Firing" },
  { name: "history", label: "History" },
  { name: "silences", label: "Silences" },
  { name: "rules", label: "Rules" },
  { name: "notifications", label: "Notifications" },
];

/**
 * @typedef {object} View
 * @property {string} view     one of VIEWS
 * @property {string} alert    id of the alert whose detail is open
 * @property {string} rule     of firing and history: only alerts of this rule; of rules: the rule that is open
 * @property {string} silence  not empty while a silence is being made: "new", or the matcher to begin with as JSON text
 * @property {string} state    of notifications: only those in this state
 * @property {string} receiver of notifications: only those for this receiver
 * @property {"local"|"utc"} zone
 */

const DEFAULT = { view: "firing", alert: "", rule: "", silence: "", state: "", receiver: "", zone: "local" };
const TEXTS = ["alert", "rule", "silence", "state", "receiver"];

/** @returns {View} */
export function viewOfAddress(query) {
  const parameters = new URLSearchParams(query);
  const view = { ...DEFAULT };
  for (const name of TEXTS) view[name] = parameters.get(name) ?? "";
  if (VIEWS.some(({ name }) => name === parameters.get("view"))) view.view = parameters.get("view");
  if (parameters.get("tz") === "utc") view.zone = "utc";
  return view;
}

/** @param {Partial<View>} view */
export function addressOfView(view) {
  const parameters = new URLSearchParams();
  for (const name of ["view", ...TEXTS]) {
    if (view[name] && view[name] !== DEFAULT[name]) parameters.set(name, view[name]);
  }
  if (view.zone === "utc") parameters.set("tz", "utc");
  const text = parameters.toString();
  return text ? `/alerts?${text}` : "/alerts";
}

/** The view, the step to another one that the back button undoes, and the change in place. */
export function useView() {
  const { view, latest, put } = useAddressedView(viewOfAddress, addressOfView);
  return {
    view,
    change: (changes) => put(changes, false),
    adjust: (changes) => put(changes, true),
    /** Another tab: of the view before it only the zone stays. */
    go: (changes) => put({ ...DEFAULT, zone: latest.current.zone, ...changes }, false),
  };
}

/** A link within the page: the browser may open it elsewhere, but a plain click does not load the page anew. */
export function followed(event, follow) {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  follow();
}
