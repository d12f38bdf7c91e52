// The top of the page: its name, the way to the other pages, the zone of the times, and the live switch.

import { html } from "../vendor/htm-preact.module.js";
import { Pages } from "./pages.js";
import { ZoneSwitch } from "./zone-switch.js";

export function Header({ view, search, toggleLive, toggleZone, openHelp }) {
  const state = search.away ? "away" : view.live ? "on" : "off";
  return html`
    <header class="header">
      <a class="brand" href="/"><img src="/ui/icon.svg" alt="" width="20" height="20" />Labtrail</a>
      <${Pages} current="/" zone=${view.zone} />
      <span class="header-space"></span>
      <${ZoneSwitch} zone=${view.zone} toggle=${toggleZone} />
      <button type="button" class=${`button live live-${state}`} data-testid="live" aria-pressed=${view.live ? "true" : "false"} onClick=${toggleLive}
        title=${view.live ? "New events appear by themselves (l)" : "New events are only counted (l)"}>
        <span class="live-dot" aria-hidden="true"></span>${search.away ? "Reconnecting" : view.live ? "Live" : "Paused"}</button>
      <button type="button" class="button" aria-label="Keyboard help" title="Keyboard (?)" onClick=${openHelp}>?</button>
    </header>`;
}
