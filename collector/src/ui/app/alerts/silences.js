// The silences: those at work and those to come, with the way to end them, then those that are over.

import { html } from "../../vendor/htm-preact.module.js";
import { NoSilences } from "./empty.js";
import { SureButton } from "./deed.js";
import { endSilence, readSilences } from "./interface.js";
import { Ago, Clock } from "./moment.js";
import { usePolled } from "./polled.js";
import { Trouble } from "./trouble.js";

const PAUSE_MILLISECONDS = 10_000;

/** `rule = node-errors`; what is more than an equality stays JSON. */
function Matcher({ matcher }) {
  const conditions = Object.entries(matcher);
  if (conditions.length === 0) return html`<strong class="partial">all alerts</strong>`;
  const shown = (condition) => (typeof condition === "string" ? condition : html`<code>${JSON.stringify(condition)}</code>`);
  return html`<span class="group" title=${JSON.stringify(matcher)}>${conditions.map(([path, condition]) => html`
    <span class="group-field" key=${path}><span class="faint">${path}</span> ${shown(condition)}</span>`)}</span>`;
}

/** Of a silence at work its end counts, of one to come its beginning. */
function When({ silence, zone }) {
  const { from, until, state } = silence;
  const [first, second] = {
    active: [html`until <${Clock} at=${until} zone=${zone} />`, html`<${Ago} at=${until} zone=${zone} />`],
    coming: [html`from <${Clock} at=${from} zone=${zone} />`, html`until <${Clock} at=${until} zone=${zone} />`],
    over: [html`ended <${Ago} at=${until} zone=${zone} />`, html`from <${Clock} at=${from} zone=${zone} />`],
  }[state];
  return html`<span class="silence-when"><span>${first}</span><span class="faint">${second}</span></span>`;
}

function SilenceRow({ silence, zone }) {
  const { id, matcher, by, note, state } = silence;
  return html`
    <li class=${`silence silence-${state}`} data-testid="silence-row" data-id=${id} data-state=${state}>
      <span class=${`tag tag-${state}`}>${state}</span>
      <span class="silence-what"><${Matcher} matcher=${matcher} /><span class="faint">by ${by}${note && `: ${note}`}</span></span>
      <${When} silence=${silence} zone=${zone} />
      <span class="silence-deed">${state !== "over" && html`<${SureButton} label="End" sureLabel="End now?" testid="end-silence" deed=${() => endSilence(id)} />`}</span>
    </li>`;
}

export function Silences({ view, adjust }) {
  const { value: silences, problem } = usePolled(readSilences, "silences", PAUSE_MILLISECONDS);
  const over = silences?.filter(({ state }) => state === "over") ?? [];
  const now = silences?.filter(({ state }) => state !== "over") ?? [];
  const list = (rows, label) => html`<ul class="silences" aria-label=${label}>${rows.map((silence) => html`<${SilenceRow} key=${silence.id} silence=${silence} zone=${view.zone} />`)}</ul>`;
  return html`
    <${Trouble} problem=${problem} stale=${silences !== null} />
    <div class="view-head"><h2>Silences</h2><button type="button" class="button button-main" data-testid="new-silence" onClick=${() => adjust({ silence: "new" })}>New silence</button></div>
    ${!silences && !problem && html`<p class="end">Loading …</p>`}
    ${silences?.length === 0 && html`<${NoSilences} />`}
    ${now.length > 0 && list(now, "Silences at work or to come")}
    ${silences?.length > 0 && now.length === 0 && html`<p class="faint view-note">No silence is at work.</p>`}
    ${over.length > 0 && html`<h3 class="part-heading view-part">Over</h3>${list(over, "Silences that are over")}`}`;
}
