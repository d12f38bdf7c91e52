// The collector's HTTP interface as this page uses it: parameters in, JSON or a `Problem` out.

/** An answer that is an error: the server's own words (RFC 9457), or `away` when there was no answer at all. */
export class Problem extends Error {
  constructor(message, { status = 0, errors = [] } = {}) {
    super(message);
    this.status = status;
    this.errors = errors;
  }

  /** No answer, or that of a proxy in front of a server that is down. */
  get away() {
    return this.status === 0 || (this.status >= 502 && this.status <= 504);
  }
}

export function addressOf(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== "" && value !== null && value !== undefined) query.set(name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** `body`: what is sent as JSON. An answer without content has a `body` of null. */
export async function ask(path, { method = "GET", parameters, body: sent, signal } = {}) {
  const headers = { accept: "application/json, application/problem+json" };
  if (sent !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(addressOf(path, parameters), { method, signal, headers, body: sent === undefined ? undefined : JSON.stringify(sent) });
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new Problem("The collector does not answer.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && (body !== null || response.status === 204)) return { body, answered: Date.parse(response.headers.get("date")) };
  const message = body?.detail ?? body?.title ?? `The collector answered ${response.status}.`;
  throw new Problem(typeof message === "string" ? message : JSON.stringify(message), { status: response.status || 502, errors: body?.errors ?? [] });
}

const read = (path, parameters, signal) => ask(path, { parameters, signal });

/** A page of events; `answered` is when, by the server's clock, in milliseconds (NaN if it does not say). */
export async function readPage(parameters, signal) {
  const { body, answered } = await read("/api/v1/events", parameters, signal);
  return { ...body, answered };
}

export const readHistogram = async (parameters, signal) => (await read("/api/v1/events/histogram", parameters, signal)).body;
export const readEvent = async (id, signal) => (await read(`/api/v1/events/${encodeURIComponent(id)}`, {}, signal)).body;
export const readHealth = async (signal) => (await read("/health", {}, signal)).body;
export const readDescription = async () => (await read("/openapi.json", {})).body;
export const liveAddress = (parameters) => addressOf("/api/v1/events/live", parameters);
