// How severe an alert is, shown like the level of an event that is as grave.

import { html } from "../../vendor/htm-preact.module.js";
import { LEVELS, LevelMark } from "../levels.js";

/** @returns the level of the same name; of a severity that the page does not know, the lowest. */
export function levelOfSeverity(severity) {
  return LEVELS.find(({ name }) => name === String(severity).toUpperCase()) ?? LEVELS[0];
}

export function SeverityMark({ severity }) {
  return html`<${LevelMark} level=${levelOfSeverity(severity)} />`;
}
