// What an event says in one line: the texts of its table columns, whatever shape its data has.

/** Longer texts are cut in a row; the opened event has all of it. */
const MESSAGE_CHARACTERS_MAX = 500;
const ID_CHARACTERS_SHOWN = 6;
// Colour codes that programs write for terminals.
const TERMINAL_CODES = /\u001b\[[0-9;?]*[A-Za-z]/g;

function dataOf(event) {
  const data = event.event_data;
  return data !== null && typeof data === "object" && !Array.isArray(data) ? data : {};
}

export function withoutTerminalCodes(text) {
  return text.includes("\u001b") ? text.replace(TERMINAL_CODES, "") : text;
}

/** The message in full, or null if the event has none. */
export function messageOf(event) {
  const { message } = dataOf(event);
  if (typeof message === "string") return withoutTerminalCodes(message);
  return typeof event.event_data === "string" ? withoutTerminalCodes(event.event_data) : null;
}

/** @returns {{text: string, isData: boolean}} `isData` when there is no message and the data itself is shown. */
export function summaryOf(event) {
  const message = messageOf(event);
  if (message === null) {
    const text = JSON.stringify(event.event_data) ?? "";
    return { text: text === "{}" || text === "null" ? "" : text.slice(0, MESSAGE_CHARACTERS_MAX), isData: true };
  }
  const line = message.slice(0, MESSAGE_CHARACTERS_MAX).trim().replace(/\s*\r?\n\s*/g, " ⏎ ");
  return { text: line, isData: false };
}

function shortId(id) {
  return typeof id === "string" && id.length > 12 ? `…${id.slice(-ID_CHARACTERS_SHOWN)}` : String(id);
}

/** Who sent it: the host's name, the short id of the node, and everything that is known for a tooltip. */
export function sourceOf(event) {
  const host = dataOf(event).host;
  const hostName = typeof host === "string" ? host : typeof host?.name === "string" ? host.name : "";
  const known = Object.entries(event.source ?? {}).filter(([, id]) => id);
  const [, id] = known.find(([name]) => name === "node_id") ?? known[0] ?? [];
  const lines = known.map(([name, value]) => `${name}: ${value}`);
  if (hostName) lines.unshift(`host: ${hostName}`);
  return { host: hostName, id: id ? shortId(id) : "", title: lines.join("\n") };
}

/** The file it was read from, or what kind of event it is. */
export function originOf(event) {
  const path = dataOf(event).log?.file?.path;
  if (typeof path !== "string" || !path) return { text: event.event_type ?? "", title: `event_type: ${event.event_type}`, isFile: false };
  return { text: path.split(/[\\/]/).pop() || path, title: path, isFile: true };
}

/** Why the time of a line is not its own; empty if it is. */
export function timeDoubt(event) {
  const origin = dataOf(event).log?.timestamp_source;
  if (origin === "inherited") return "The line carries no time of its own; this is the time of an earlier line.";
  if (origin === "observed") return "The line carries no time of its own; this is when it was read.";
  return "";
}
