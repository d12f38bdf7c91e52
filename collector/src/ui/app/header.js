// The top of the page: its name, the way to the API page, the zone of the times, and the live switch.

import { html } from "../vendor/htm-preact.module.js";
import { zoneLabel } from "./time.js";

export function Header({ view, search, toggleLive, toggleZone, openHelp }) {
  const state = search.away ? "away" : view.live ? "on" : "off";
  return html`
    <header class="header">
      <a class="brand" href="/"><img src="/ui/icon.svg" alt="" width="20" height="20" />Labtrail</a>
      <nav aria-label="Pages"><a href="/" class="nav-events" aria-current="page">Events</a><a href="/docs">API</a></nav>
      <span class="header-space"></span>
      <button type="button" class="button zone" onClick=${toggleZone} title="Switch between local time and UTC (z)"><span class="zone-word">Times in </span>${view.zone === "utc" ? "UTC" : html`local time <span class="faint zone-name">${zoneLabel("local")}</span>`}</button>
      <button type="button" class=${`button live live-${state}`} data-testid="live" aria-pressed=${view.live ? "true" : "false"} onClick=${toggleLive}
        title=${view.live ? "New events appear by themselves (l)" : "New events are only counted (l)"}>
        <span class="live-dot" aria-hidden="true"></span>${search.away ? "Reconnecting" : view.live ? "Live" : "Paused"}</button>
      <button type="button" class="button" aria-label="Keyboard help" title="Keyboard (?)" onClick=${openHelp}>?</button>
    </header>`;
}
