// What was told, what waits to be told, and what could not be told and why.

import { html, useState } from "../../vendor/htm-preact.module.js";
import { Choices } from "./choices.js";
import { NoNotifications } from "./empty.js";
import { DeedButton } from "./deed.js";
import { readNotifications, retryNotification } from "./interface.js";
import { Ago, Clock, relative } from "./moment.js";
import { usePolled } from "./polled.js";
import { Receivers } from "./receivers.js";
import { SeverityMark } from "./severity.js";
import { Trouble } from "./trouble.js";

const PAUSE_MILLISECONDS = 5000;
const LIMIT = 200;

const STATES = [
  ["", "All"],
  ["waiting", "Waiting"],
  ["dead", "Dead"],
  ["sent", "Sent"],
];

export function Notifications({ view, change }) {
  const { state, receiver, zone } = view;
  const { value, problem } = usePolled((signal) => readNotifications({ state, receiver, limit: LIMIT }, signal), `notifications ${state} ${receiver}`, PAUSE_MILLISECONDS);
  return html`
    <${Receivers} zone=${zone} />
    <div class="view-head"><h2>Notifications</h2>
      <${Choices} name="state" legend="Which notifications" hidden=${true} options=${STATES} value=${state} choose=${(chosen) => change({ state: chosen })} />
      ${receiver && html`<button type="button" class="chip" title="Show those for all receivers" onClick=${() => change({ receiver: "" })}>
        receiver: ${receiver} <span aria-hidden="true">✕</span></button>`}</div>
    <${Trouble} problem=${problem} stale=${value !== null} />
    ${!value && !problem && html`<p class="end">Loading …</p>`}
    ${value?.length === 0 && html`<${NoNotifications} filtered=${Boolean(state || receiver)} />`}
    <ul class="notifications" aria-label="Notifications">${value?.map((notification) => html`<${Notification} key=${notification.key} notification=${notification} zone=${zone} />`)}</ul>
    ${value?.length >= LIMIT && html`<p class="end faint">The newest ${LIMIT} are shown.</p>`}`;
}

function whatText({ kind, alerts, rules }) {
  const of = rules.length ? ` of ${rules.slice(0, 3).join(", ")}${rules.length > 3 ? ` and ${rules.length - 3} more rules` : ""}` : "";
  const steps = `${alerts} ${alerts === 1 ? "step" : "steps"}${of}`;
  if (kind === "digest") return `digest of old ones: ${steps}`;
  if (kind === "overflow") return `too many at once, together: ${steps}`;
  if (kind === "undelivered") return `a receiver could not be told: ${steps}`;
  return steps;
}

const STATE_WORDS = { waiting: "waiting", claimed: "being sent", sent: "sent", dead: "dead" };

function Notification({ notification, zone }) {
  const { key, receiver, state, created_at: createdAt, attempts, next_at: nextAt, severity, log, is_repeat: isRepeat, needs_mending: needsMending } = notification;
  // What could not be told says why without being asked.
  const [open, setOpen] = useState(state === "dead");
  const tries = `${attempts} ${attempts === 1 ? "attempt" : "attempts"}`;
  const next = nextAt ? `, next ${Date.parse(nextAt) > Date.now() ? relative(nextAt) : "at once"}` : "";
  return html`
    <li class="notification" data-testid="notification" data-key=${key} data-state=${state}>
      <div class="notification-row">
        <button type="button" class="json-fold" aria-expanded=${open ? "true" : "false"} aria-label=${`Log of the notification to ${receiver}`}
          onClick=${() => setOpen(!open)}>${open ? "▾" : "▸"}</button>
        <span class=${`tag tag-${state}`}>${STATE_WORDS[state] ?? state}</span>
        <span class="notification-severity"><${SeverityMark} severity=${severity} /></span>
        <span class="notification-what"><strong>${receiver}</strong> ${whatText(notification)}${isRepeat &&
          html` <span class="faint" title="It may have arrived before: the attempt before had no clear end">possible repeat</span>`}</span>
        <span class="notification-when"><${Ago} at=${createdAt} zone=${zone} />${state !== "sent" && html` <span class="faint">${tries}${next}</span>`}</span>
        <span class="notification-deed">${state === "dead" && html`<${DeedButton} label="Retry" busyLabel="Retrying …" testid="retry" deed=${() => retryNotification(key)} />`}</span>
      </div>
      ${needsMending && state !== "sent" && html`<p class="notification-mend">A person must mend this first, such as a wrong password or address; then retry.</p>`}
      ${open && html`<ol class="notification-log" data-testid="notification-log">
        ${log.map((line) => html`<li key=${`${line.at} ${line.what}`}><${Clock} at=${line.at} zone=${zone} /> <span>${line.what}</span></li>`)}
        ${log.length === 0 && html`<li class="faint">Nothing happened to it yet.</li>`}</ol>`}
    </li>`;
}
