// The log levels: their numbers, their words and the mark that shows one by colour, word and shape together.

import { html } from "../vendor/htm-preact.module.js";

/** @type {{value: number, name: string, shape: string}[]} From the lowest to the highest. */
export const LEVELS = [
  { value: 0, name: "NOTSET", shape: "M2 6h8" },
  { value: 10, name: "DEBUG", shape: "M6 3a3 3 0 1 1 0 6a3 3 0 1 1 0-6z" },
  { value: 20, name: "INFO", shape: "M6 2.5a3.5 3.5 0 1 1 0 7a3.5 3.5 0 1 1 0-7z" },
  { value: 30, name: "WARNING", shape: "M6 1.5L11 10.5H1z" },
  { value: 40, name: "ERROR", shape: "M2.5 2.5l7 7M9.5 2.5l-7 7" },
  { value: 50, name: "CRITICAL", shape: "M6 .8L11.2 6L6 11.2L.8 6z" },
];

export const ERROR = 40;

/** The level that a number belongs to: numbers in between count as the level below them. */
export function levelOf(number) {
  for (let index = LEVELS.length - 1; index > 0; index--) {
    if (number >= LEVELS[index].value) return LEVELS[index];
  }
  return LEVELS[0];
}

/** Only the shape, for places where the word stands beside it anyway. */
export function LevelShape({ level }) {
  return html`<svg class="level-shape" viewBox="0 0 12 12" aria-hidden="true"><path d=${level.shape} /></svg>`;
}

export function LevelMark({ level }) {
  return html`<span class=${`level level-${level.name}`}><${LevelShape} level=${level} />${level.name}</span>`;
}
