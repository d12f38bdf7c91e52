// The number on which an alert rests, in words. Alerts bring such words along; the steps of a back-test do not.

import { formatCount } from "../count.js";
import { clock } from "./moment.js";

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const rounded = (number) => (typeof number === "number" ? Number(number.toPrecision(4)).toString() : shown(number));

export function figureText(figure, zone) {
  if (figure === null || typeof figure !== "object") return "";
  const [[kind, value] = []] = Object.entries(figure);
  switch (kind) {
    case "count":
      return value === 1 ? "1 event" : `${formatCount(value)} events`;
    case "value":
      return rounded(value);
    case "last_seen":
      return `last seen ${clock(new Date(value / 1000).toISOString(), zone)}`;
    case "ratio":
      return `${formatCount(value.count)} events, usually ${rounded(value.usual)}`;
    case "new":
      return `new: ${shown(value)}`;
    case "changed":
      return `${shown(value.from)} → ${shown(value.to)}`;
    default:
      return "";
  }
}
