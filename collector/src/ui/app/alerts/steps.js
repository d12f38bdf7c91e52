// What happened to an alert, and whom that was told or why not.

import { html } from "../../vendor/htm-preact.module.js";
import { formatCount } from "../count.js";
import { Clock, clock, exact } from "./moment.js";
import { mutedText } from "./muted.js";
import { To } from "./empty.js";

const KINDS = { fired: "Fired", repeated: "Still firing", resolved: "Resolved", escalated: "Escalated" };

/** What became of the telling, for one receiver. */
function fateText({ fate, reason }, zone) {
  const why = mutedText(reason, zone);
  switch (fate) {
    case "told":
      return "";
    case "muted":
      return `not told${why ? `: ${why}` : ", muted"}`;
    case "muted_to_the_end":
      return `not told: muted until it was over${why ? ` (${why})` : ""}`;
    case "superseded":
      return "not told: something newer was told instead";
    case "never_told":
      return "not told, as it was never told that it fired";
    default:
      return fate;
  }
}

function Told({ told, zone, go }) {
  const { receiver, fate, at } = told;
  const link = html`<${To} view=${{ view: "notifications", receiver, zone }} go=${go}>${receiver}<//>`;
  if (fate === "told") return html`<li data-fate=${fate} title=${exact(at, zone)}><span class="told-mark" aria-hidden="true">→</span> ${link} was told at ${clock(at, zone)}</li>`;
  return html`<li class="faint" data-fate=${fate} title=${exact(at, zone)}><span class="told-mark" aria-hidden="true">⊘</span> ${link} ${fateText(told, zone)}</li>`;
}

function Step({ step, zone, go }) {
  const level = step.kind === "escalated" && step.level ? ` to level ${step.level}` : "";
  return html`
    <li class=${`step step-${step.kind}`} data-testid="step" data-kind=${step.kind}>
      <div class="step-line"><strong>${KINDS[step.kind] ?? step.kind}${level}</strong><${Clock} at=${step.at} zone=${zone} />
        <span class="faint">${[step.figure_text, step.held_back > 0 && `${formatCount(step.held_back)} held back`].filter(Boolean).join(" · ")}</span></div>
      ${step.told.length > 0
        ? html`<ul class="told">${step.told.map((told) => html`<${Told} key=${told.receiver} told=${told} zone=${zone} go=${go} />`)}</ul>`
        : html`<p class="told faint">Nobody was told.</p>`}
    </li>`;
}

/** `steps`: the newest first. A line parts one episode from the one before. */
export function Steps({ steps, zone, go }) {
  if (!steps?.length) return html`<h3 class="part-heading">History</h3><p class="faint part-note">Nothing was told yet.</p>`;
  return html`
    <h3 class="part-heading">History</h3>
    <ol class="steps">${steps.map((step, index) => html`
      ${(index === 0 ? steps[0].episode : steps[index - 1].episode) !== step.episode && html`<li class="step-episode faint" key=${`episode ${step.episode}`}>Episode ${step.episode}</li>`}
      <${Step} key=${`${step.episode} ${step.kind} ${step.level} ${step.at}`} step=${step} zone=${zone} go=${go} />`)}</ol>`;
}
