// What went wrong with reading or doing something, in the collector's own words.

import { html } from "../../vendor/htm-preact.module.js";
import { refreshAll } from "./polled.js";

/** `stale`: what is shown is from before. */
export function Trouble({ problem, stale }) {
  if (!problem) return null;
  const old = "What is shown may be old; the page goes on by itself as soon as this is over.";
  return html`<div class="banner" role="alert" data-testid="error"><span>${problem.message}${stale && html`${problem.message.endsWith(".") ? "" : "."} ${old}`}</span>
    <button type="button" class="button" onClick=${refreshAll}>Try now</button></div>`;
}
