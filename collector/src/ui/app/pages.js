// The way from each page to the others. The way to the alerts says how many of them fire, in the colour of the most severe one; if that
// cannot be learned it says nothing.

import { html, useState, useEffect } from "../vendor/htm-preact.module.js";
import { ask } from "./api.js";
import { formatCount } from "./count.js";

const PAUSE_MILLISECONDS = 10_000;
const NONE = { count: 0, severity: "" };

/** What fires, of an answer of /api/v1/alerts: the collector puts the most severe first. */
export function firingOf({ counts, alerts }) {
  return { count: counts.firing, severity: alerts[0]?.severity ?? "" };
}

/** What fires, asked for again and again while the page is in sight. */
function useFiring(known) {
  const [firing, setFiring] = useState(NONE);
  const asks = known === undefined;
  useEffect(() => {
    if (!asks) return undefined;
    const abort = new AbortController();
    const read = () => {
      if (document.hidden) return;
      ask("/api/v1/alerts", { parameters: { state: "firing", limit: 1 }, signal: abort.signal })
        .then(({ body }) => setFiring(firingOf(body)))
        .catch(() => abort.signal.aborted || setFiring(NONE));
    };
    read();
    const timer = setInterval(read, PAUSE_MILLISECONDS);
    document.addEventListener("visibilitychange", read);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", read);
      abort.abort();
    };
  }, [asks]);
  return asks ? firing : (known ?? NONE);
}

/** `current`: the path of this page. `firing`: what fires, from a page that knows it anyway; null if it does not know it yet. */
export function Pages({ current, zone, firing: known }) {
  const { count, severity } = useFiring(known);
  const here = (path) => (path === current ? "page" : null);
  const query = zone === "utc" ? "?tz=utc" : "";
  const words = count === 1 ? "1 alert fires" : `${formatCount(count)} alerts fire`;
  return html`
    <nav aria-label="Pages">
      <a href=${`/${query}`} class="nav-events" aria-current=${here("/")}>Events</a>
      <a href=${`/alerts${query}`} data-testid="nav-alerts" aria-current=${here("/alerts")} aria-label=${count > 0 ? `Alerts, ${formatCount(count)} firing` : null}>Alerts${count > 0 &&
        html` <span class=${`firing-count firing-${severity}`} data-testid="firing-count" title=${words}>${formatCount(count)}</span>`}</a>
      <a href="/docs" aria-current=${here("/docs")}>API</a>
    </nav>`;
}
