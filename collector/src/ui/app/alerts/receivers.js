// Whom alerts are told to: whether each is reached, and a test of it.

import { html, useState } from "../../vendor/htm-preact.module.js";
import { formatCount } from "../count.js";
import { NoReceivers } from "./empty.js";
import { readReceivers, testReceiver } from "./interface.js";
import { Ago, Lasting } from "./moment.js";
import { refreshAll, usePolled } from "./polled.js";
import { Trouble } from "./trouble.js";

const PAUSE_MILLISECONDS = 10_000;

export function Receivers({ zone }) {
  const { value, problem } = usePolled(readReceivers, "receivers", PAUSE_MILLISECONDS);
  return html`
    <div class="view-head"><h2>Receivers</h2></div>
    <${Trouble} problem=${problem} stale=${value !== null} />
    ${!value && !problem && html`<p class="end">Loading …</p>`}
    ${value?.length === 0 && html`<${NoReceivers} />`}
    <ul class="receivers" aria-label="Receivers">${value?.map((receiver) => html`<${Receiver} key=${receiver.name} receiver=${receiver} zone=${zone} />`)}</ul>`;
}

function Receiver({ receiver, zone }) {
  const { name, kind, waiting, failing_since: failingSince, reason, last_sent_at: lastSentAt } = receiver;
  const [{ answer, problem, busy }, setTest] = useState({ answer: null, problem: null, busy: false });
  const test = async () => {
    if (busy) return;
    setTest({ answer: null, problem: null, busy: true });
    try {
      setTest({ answer: await testReceiver(name), problem: null, busy: false });
    } catch (cause) {
      setTest({ answer: null, problem: cause, busy: false });
    }
    refreshAll();
  };
  return html`
    <li class="receiver" data-testid="receiver" data-name=${name} data-failing=${failingSince ? "true" : "false"}>
      <span class="receiver-name"><strong>${name}</strong> <span class="faint">${kind}</span>${receiver.default &&
        html` <span class="tag" title="Told by rules that name no receiver">default</span>`}${receiver.fallback &&
        html` <span class="tag" title="Told of what another receiver could not be told">fallback</span>`}</span>
      <span class="receiver-health">${failingSince
        ? html`<span class="health health-bad">failing for <${Lasting} since=${failingSince} zone=${zone} /></span>`
        : html`<span class=${lastSentAt ? "health health-good" : "health faint"}>${lastSentAt ? "reached" : "nothing sent yet"}</span>`}
        ${lastSentAt && html`<span class="faint">last sent <${Ago} at=${lastSentAt} zone=${zone} /></span>`}
        ${waiting > 0 && html`<span class="faint">${formatCount(waiting)} waiting</span>`}</span>
      <button type="button" class="button" data-testid="send-test" aria-disabled=${busy ? "true" : null} aria-label=${`Send a test to ${name}`}
        onClick=${test}>${busy ? "Sending …" : "Send a test"}</button>
      ${failingSince && reason && html`<p class="receiver-reason">${reason}</p>`}
      <div class="receiver-test" role="status">
        ${problem ? html`<p class="receiver-reason">The test could not be made: ${problem.message}</p>` : answer && html`<${TestAnswer} answer=${answer} />`}</div>
    </li>`;
}

function TestAnswer({ answer }) {
  const { sent, reason, refused = [], template_problem: templateProblem } = answer;
  return html`<div data-testid="test-answer" data-sent=${sent ? "true" : "false"}>
    <p class=${sent ? "health health-good" : "receiver-reason"}>${sent ? "The test was taken. Look whether it arrived." : `The test was not taken: ${reason ?? "no reason was given"}`}</p>
    ${refused.length > 0 && html`<p class="receiver-reason">Refused: ${refused.map(({ address, reason: why }) => `${address} (${why})`).join(", ")}</p>`}
    ${templateProblem && html`<p class="partial">A template failed, its words are the plain ones: ${templateProblem}</p>`}</div>`;
}
