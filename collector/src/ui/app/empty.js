// What stands where rows would be: how to send a first event, or which filters hide everything.

import { html } from "../vendor/htm-preact.module.js";
import { RANGES } from "./time.js";

export function NoEventsYet() {
  const command = `curl ${location.origin}/event \\
  -H 'content-type: application/json' \\
  -d '{"event_type": "log_info", "log_level": 20,
       "event_data": {"message": "hello from the lab"}}'`;
  return html`
    <div class="empty" data-testid="empty">
      <svg class="empty-picture" viewBox="0 0 120 48" aria-hidden="true"><path d="M8 12h30M8 24h44M8 36h22" /><circle cx="96" cy="24" r="14" /><path d="M96 17v7l5 4" /></svg>
      <h2>No events yet — this page is listening</h2>
      <p>Events appear here by themselves as soon as the first one arrives. There are three ways to send some:</p>
      <ol>
        <li><strong>An agent on an instrument's computer.</strong> Point a Labtrail agent at this collector and at the log files of the instrument.</li>
        <li><strong>MADSci's <code>EventClient</code>.</strong> Set its event server to <code>${location.origin}</code>; nothing else changes.</li>
        <li><strong>By hand</strong>, to see that it works:<pre>${command}</pre></li>
      </ol>
      <p>The whole interface is described on the <a href="/docs">API page</a>.</p>
    </div>`;
}

export function NothingMatches({ view, change, clear }) {
  const range = RANGES.find(({ name }) => name === view.range);
  const reasons = [
    view.range !== "all" && [`time: ${range?.label.toLowerCase() ?? "from … to …"}`, { range: "all", from: "", to: "" }],
    view.level && [`level: ${view.level} and above`, { level: "" }],
    view.q && [`text: ${view.q}`, { q: "" }],
    view.filter && [`selector: ${view.filter}`, { filter: "" }],
  ].filter(Boolean);
  return html`
    <div class="empty" data-testid="empty">
      <h2>No event matches</h2>
      <p>Take a filter away to see more:</p>
      <div class="chips">
        ${reasons.map(([label, without]) => html`<button type="button" class="chip" key=${label} onClick=${() => change(without)}>${label} <span aria-hidden="true">✕</span></button>`)}
      </div>
      ${reasons.length > 1 && html`<button type="button" class="button" onClick=${clear}>Clear all</button>`}
    </div>`;
}
