// Instants and how they are shown. Inside the page an instant is a number of microseconds since 1970 in UTC, because
// events of one instrument are often less than a millisecond apart.

/** The relative ranges of the range control; `all` has no beginning. */
export const RANGES = [
  { name: "15m", label: "Last 15 minutes", milliseconds: 15 * 60_000 },
  { name: "1h", label: "Last hour", milliseconds: 3_600_000 },
  { name: "24h", label: "Last 24 hours", milliseconds: 24 * 3_600_000 },
  { name: "7d", label: "Last 7 days", milliseconds: 7 * 24 * 3_600_000 },
  { name: "all", label: "All time", milliseconds: null },
];

/** Reads an RFC 3339 time; NaN if it is none. */
export function microsOf(text) {
  const milliseconds = Date.parse(text);
  const fraction = /\.\d{3}(\d{1,3})/.exec(text);
  return milliseconds * 1000 + (fraction ? Number(fraction[1].padEnd(3, "0")) : 0);
}

const two = (number) => (number < 10 ? `0${number}` : `${number}`);
const three = (number) => String(number).padStart(3, "0");

function partsOf(milliseconds, zone) {
  const date = new Date(milliseconds);
  return zone === "utc"
    ? [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds()]
    : [date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds()];
}

export function formatDate(milliseconds, zone) {
  const [year, month, day] = partsOf(milliseconds, zone);
  return `${year}-${two(month)}-${two(day)}`;
}

/** `09:18`, with seconds or milliseconds when they are asked for. */
export function formatClock(milliseconds, zone, digits = "minutes") {
  const [, , , hour, minute, second, millisecond] = partsOf(milliseconds, zone);
  if (digits === "minutes") return `${two(hour)}:${two(minute)}`;
  const clock = `${two(hour)}:${two(minute)}:${two(second)}`;
  return digits === "seconds" ? clock : `${clock}.${three(millisecond)}`;
}

/** `2026-11-23 09:18:44.331` */
export function formatTime(micros, zone) {
  const milliseconds = Math.floor(micros / 1000);
  return `${formatDate(milliseconds, zone)} ${formatClock(milliseconds, zone, "milliseconds")}`;
}

/** `UTC`, or the browser's zone with its present distance from UTC: `Europe/Zurich, UTC+01:00`. */
export function zoneLabel(zone, now = new Date()) {
  if (zone === "utc") return "UTC";
  const minutes = -now.getTimezoneOffset();
  const offset = `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return name && name !== "UTC" ? `${name}, ${offset}` : offset;
}

/** What a time field shows for an RFC 3339 time, in the zone of the page: as in the table, seconds without a useless fraction. */
export function fieldOfInstant(text, zone) {
  const micros = microsOf(text);
  return Number.isNaN(micros) ? "" : formatTime(micros, zone).replace(/\.000$/, "");
}

/**
 * The RFC 3339 time that a time field means: `2026-11-23`, `2026-11-23 09:18` or finer in the zone of the page, or a time that
 * carries its own zone. Empty for an empty field, null for what is no time.
 */
export function instantOfField(field, zone) {
  const text = field.trim();
  if (!text) return "";
  const match = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)\s*(Z|[+-]\d{2}:\d{2})?)?$/i.exec(text);
  if (!match) return null;
  const [, day, clock = "00:00", ownZone = zone === "utc" ? "Z" : ""] = match;
  const milliseconds = Date.parse(`${day}T${clock}${ownZone}`);
  return Number.isNaN(milliseconds) ? null : new Date(milliseconds).toISOString();
}

/** A width of time in words: `5 min`. */
export function formatDuration(milliseconds) {
  const units = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000], ["ms", 1]];
  const [unit, size] = units.find(([, unitSize]) => milliseconds >= unitSize) ?? ["ms", 1];
  return `${Number((milliseconds / size).toPrecision(2))} ${unit}`;
}
