// An open alert: what it is, what it rests on, what was told of it, and what one can do about it.

import { html, useEffect, useRef, useState } from "../../vendor/htm-preact.module.js";
import { AlertFacts } from "./alert-facts.js";
import { acknowledge, readAlert, readRule, unacknowledge } from "./interface.js";
import { Dialog, NoteField, WhoField } from "./dialog.js";
import { rememberedWho, rememberWho } from "./who.js";
import { DeedButton } from "./deed.js";
import { Evidence } from "./evidence.js";
import { Steps } from "./steps.js";
import { alertMatcher } from "./group.js";
import { eventsAddress } from "./events-address.js";
import { SeverityMark } from "./severity.js";
import { refreshAll, usePolled } from "./polled.js";
import { Trouble } from "./trouble.js";

const PAUSE_MILLISECONDS = 5000;
/** A rule changes seldom; it is read for its words. */
const RULE_PAUSE_MILLISECONDS = 60_000;

/** `change` takes the changed part of the view. */
export function AlertDetail({ view, change, go, close }) {
  const id = view.alert;
  const { value: alert, problem } = usePolled((signal) => readAlert(id, signal), id, PAUSE_MILLISECONDS);
  return html`
    <section class="alert-detail" data-testid="alert-detail" data-id=${id} aria-label="Alert" onKeyDown=${letScroll}>
      <${Trouble} problem=${problem} stale=${alert !== null} />
      ${!alert && html`<div class="alert-detail-head"><p class="faint">${problem ? "The alert could not be read." : "Loading …"}</p>
        <button type="button" class="button button-close" aria-label="Close alert" onClick=${close}>✕</button></div>`}
      ${alert && html`<${Opened} key=${id} alert=${alert} view=${view} change=${change} go=${go} close=${close} />`}
    </section>`;
}

/** Here the arrow keys scroll, and do not go from alert to alert. */
const letScroll = (event) => event.key.startsWith("Arrow") && event.stopPropagation();

function Opened({ alert, view, change, go, close }) {
  const { zone } = view;
  const [asksWho, setAsksWho] = useState(false);
  const title = useRef(null);
  // Who opened it with the keyboard reads on here; Escape leads back.
  useEffect(() => title.current.focus({ preventScroll: true }), []);
  const { value: rule } = usePolled((signal) => readRule(alert.rule, signal), `rule ${alert.rule}`, RULE_PAUSE_MILLISECONDS);
  const fires = alert.state === "firing";
  const taken = alert.acknowledged;
  const events = eventsAddress({ alert, zone });
  return html`
    <div class="alert-detail-head">
      <h2 tabindex="-1" ref=${title} data-testid="alert-title">${alert.rule}</h2>
      <${SeverityMark} severity=${alert.severity} /><span class=${`tag tag-${alert.state}`} data-testid="alert-state">${alert.state}</span>
      <button type="button" class="button button-close" aria-label="Close alert" title="Close (Esc)" onClick=${close}>✕</button>
    </div>
    ${alert.description && html`<p class="alert-description">${alert.description}</p>`}
    <div class="detail-actions">
      ${fires && !taken && html`<button type="button" class="button button-main" data-testid="acknowledge" onClick=${() => setAsksWho(true)}>Acknowledge</button>`}
      ${fires && taken && taken.who !== rememberedWho() && html`<button type="button" class="button" data-testid="acknowledge"
        title=${`Look after it in the place of ${taken.who}`} onClick=${() => setAsksWho(true)}>Take over</button>`}
      ${fires && taken && html`<${DeedButton} label="Unacknowledge" busyLabel="Unacknowledging …" testid="unacknowledge" deed=${() => unacknowledge(alert)} />`}
      <button type="button" class="button" data-testid="silence" onClick=${() => change({ silence: JSON.stringify(alertMatcher(alert)) })}>Silence …</button>
      <a class="button" href=${events} data-testid="events-link" title="All events of the group, from a while before it began">Events around this</a>
    </div>
    <${AlertFacts} alert=${alert} rule=${rule} zone=${zone} go=${go} />
    <${Evidence} ids=${alert.event_ids} count=${alert.count} zone=${zone} />
    <${Steps} steps=${alert.history} zone=${zone} go=${go} />
    ${asksWho && html`<${AcknowledgeDialog} alert=${alert} close=${() => setAsksWho(false)} />`}`;
}

function AcknowledgeDialog({ alert, close }) {
  const [who, setWho] = useState(rememberedWho);
  const [note, setNote] = useState("");
  const known = useRef(who !== "").current;
  const send = async () => {
    await acknowledge(alert, who.trim(), note.trim());
    rememberWho(who.trim());
    refreshAll();
  };
  return html`
    <${Dialog} title=${`Acknowledge ${alert.rule}`} testid="acknowledge-dialog" submit="Acknowledge" send=${send} close=${close}>
      <p class="faint">Others see that you look after it. Until it is resolved, nobody is reminded of it and it is not escalated.</p>
      <${WhoField} who=${who} setWho=${setWho} first=${!known} />
      <${NoteField} note=${note} setNote=${setNote} first=${known} placeholder="on it" />
    <//>`;
}
