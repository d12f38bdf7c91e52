// Trying a rule over what is stored: when it would have fired, and what would have been told.

import { html, useEffect, useRef, useState } from "../../vendor/htm-preact.module.js";
import { formatCount } from "../count.js";
import { Choices } from "./choices.js";
import { BackTestChart } from "./back-test-chart.js";
import { figureText } from "./figure-text.js";
import { groupText } from "./group.js";
import { tryRule } from "./interface.js";
import { Clock, exact } from "./moment.js";

const DAY_MILLISECONDS = 86_400_000;
const RANGES = [
  [1, "1 day"],
  [7, "7 days"],
  [30, "30 days"],
];
/** So many steps are listed at first, and so many more at each press. */
const STEPS_SHOWN = 50;

const KINDS = { fired: "fired", repeated: "still firing", resolved: "resolved", escalated: "escalated" };

/** `section`: the rule as it is written. */
export function BackTest({ section, zone }) {
  const [days, setDays] = useState(7);
  const [{ answer, problem, busy }, setState] = useState({ answer: null, problem: null, busy: false });
  const abort = useRef(null);
  useEffect(() => () => abort.current?.abort(), []);
  const start = async (event) => {
    event.preventDefault();
    abort.current?.abort();
    const own = new AbortController();
    abort.current = own;
    setState({ answer: null, problem: null, busy: true });
    const now = Date.now();
    const range = { from: new Date(now - days * DAY_MILLISECONDS).toISOString(), to: new Date(now).toISOString() };
    try {
      const found = await tryRule(section, range, own.signal);
      if (!own.signal.aborted) setState({ answer: found, problem: null, busy: false });
    } catch (cause) {
      if (!own.signal.aborted) setState({ answer: null, problem: cause, busy: false });
    }
  };
  return html`
    <section class="back-test" aria-label="Try the rule">
      <form class="back-test-form" onSubmit=${start}>
        <${Choices} name=${`range-${section.name}`} legend="Over how long" hidden=${true} options=${RANGES} value=${days} choose=${setDays} />
        <button type="submit" class="button" data-testid="try-rule" aria-disabled=${busy ? "true" : null}>${busy ? "Trying …" : "Try over what is stored"}</button>
        <span class="faint">Nothing is sent.</span>
      </form>
      <div role="status">
        ${problem && html`<div class="banner dialog-problem" data-testid="error">${problem.message}</div>`}
        ${answer && html`<${Summary} answer=${answer} zone=${zone} />`}
      </div>
      ${answer?.groups.length > 0 && html`<${BackTestChart} answer=${answer} severity=${section.severity} zone=${zone} /><${Steps} answer=${answer} zone=${zone} />`}
    </section>`;
}

function Summary({ answer, zone }) {
  const steps = answer.groups.flatMap(({ steps: all }) => all);
  const fired = steps.filter(({ kind }) => kind === "fired").length;
  const events = `${formatCount(answer.events)} matching ${answer.events === 1 ? "event" : "events"}`;
  const groups = answer.groups.length > 1 ? ` in ${formatCount(answer.groups.length)} groups` : "";
  const told = `${formatCount(steps.length)} ${steps.length === 1 ? "thing" : "things"}`;
  return html`<p class="part-note" data-testid="back-test-summary" data-fired=${fired}>
    ${fired === 0
      ? html`<strong>It would not have fired</strong>, with ${events}.`
      : html`<strong>It would have fired ${fired === 1 ? "once" : `${formatCount(fired)} times`}${groups}</strong>, with ${events}; ${told} would have been told.`}
    ${!answer.complete && html` <span class="partial">More events match than are read: this is known up to <${Clock} at=${answer.to} zone=${zone} /> only.</span>`}</p>`;
}

/** Everything that would have been told, the newest first. */
function Steps({ answer, zone }) {
  const [shown, setShown] = useState(STEPS_SHOWN);
  useEffect(() => setShown(STEPS_SHOWN), [answer]);
  const steps = answer.groups.flatMap(({ group, steps: all }) => all.map((step) => ({ ...step, group: groupText(group) })));
  steps.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  const hasGroups = steps.some(({ group }) => group);
  return html`
    <div class="wide"><table class="table-plain" data-testid="back-test-steps">
      <thead><tr><th scope="col">Told at</th><th scope="col">What</th>${hasGroups && html`<th scope="col">Group</th>`}<th scope="col">Rests on</th></tr></thead>
      <tbody>${steps.slice(0, shown).map((step, index) => html`<tr key=${index}>
        <td><${Clock} at=${step.at} zone=${zone} /></td>
        <td><span class=${`told-kind told-${step.kind}`} title=${`began ${exact(step.began, zone)}`}>${KINDS[step.kind] ?? step.kind}</span></td>
        ${hasGroups && html`<td>${step.group}</td>`}
        <td>${figureText(step.figure, zone) || `${formatCount(step.count)} ${step.count === 1 ? "event" : "events"}`}</td></tr>`)}</tbody></table></div>
    ${steps.length > shown && html`<button type="button" class="button" onClick=${() => setShown(shown + STEPS_SHOWN)}>Show more of ${formatCount(steps.length)}</button>`}`;
}
