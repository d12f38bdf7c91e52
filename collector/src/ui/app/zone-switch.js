// The button that says in which zone times are shown, and changes it.

import { html } from "../vendor/htm-preact.module.js";
import { zoneLabel } from "./time.js";

export function ZoneSwitch({ zone, toggle }) {
  return html`<button type="button" class="button zone" onClick=${toggle} title="Switch between local time and UTC (z)"><span class="zone-word">Times in </span>${zone === "utc" ? "UTC" : html`local time <span class="faint zone-name">${zoneLabel("local")}</span>`}</button>`;
}
