// The address of the page of events that shows what happened around an alert.

import { addressOfView, viewOfAddress } from "../url-state.js";
import { eventSelector } from "./group.js";

/** What led to an alert lies before it. */
const MARGIN_MILLISECONDS = 10 * 60_000;

/** Of an alert that still fires, up to the present. */
export function eventsAddress({ alert, zone }) {
  const shifted = (text, milliseconds) => new Date(Date.parse(text) + milliseconds).toISOString();
  const end = alert.state === "resolved" ? (alert.ended ?? alert.resolved_at) : null;
  const selector = eventSelector(alert.group);
  const query = addressOfView({
    ...viewOfAddress(""),
    range: "custom",
    from: alert.since ? shifted(alert.since, -MARGIN_MILLISECONDS) : "",
    to: end ? shifted(end, MARGIN_MILLISECONDS) : "",
    filter: Object.keys(selector).length ? JSON.stringify(selector) : "",
    zone,
  });
  return query.startsWith("?") ? `/${query}` : "/";
}

/** The page of events with one of them open. */
export function eventAddress(id, zone) {
  return `/${addressOfView({ ...viewOfAddress(""), event: id, zone })}`;
}
