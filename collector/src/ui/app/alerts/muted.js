// Why nothing is told of an alert, in words.

import { clock } from "./moment.js";

/** @param reason `muted` of an alert, or the reason of a receiver that was not told. */
export function mutedText(reason, zone) {
  if (!reason) return "";
  const until = reason.until ? ` until ${clock(reason.until, zone)}` : "";
  switch (reason.by) {
    case "silence":
      return `silenced${until}`;
    case "maintenance":
      return `maintenance “${reason.name}”${until}`;
    case "inhibition":
      return `follows from ${reason.rule}${reason.group ? ` (${reason.group})` : ""}, which fires`;
    default:
      return `muted by ${reason.by}${until}`;
  }
}
