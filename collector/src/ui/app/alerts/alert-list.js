// Alerts as rows. Each row is a link to the view in which its alert is open.

import { html, useLayoutEffect } from "../../vendor/htm-preact.module.js";
import { formatDuration } from "../time.js";
import { addressOfView, followed } from "./address.js";
import { Ago, exact } from "./moment.js";
import { Group } from "./group.js";
import { SeverityMark, levelOfSeverity } from "./severity.js";
import { mutedText } from "./muted.js";

export const rowElementId = (id) => `alert-${id}`;

/** Keeps the focus where it is while rows change their places: a moved element loses it. */
export function useKeptFocus() {
  const focused = document.activeElement;
  useLayoutEffect(() => {
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  });
}

/** `12 min` since it began, or how long it lasted and when it was over. */
function When({ alert, zone }) {
  if (alert.state !== "resolved") return alert.since && html`<${Ago} at=${alert.since} zone=${zone} />`;
  const end = alert.ended ?? alert.resolved_at;
  const lasted = alert.since && end ? Date.parse(end) - Date.parse(alert.since) : 0;
  return html`
    ${end && html`<${Ago} at=${end} zone=${zone} />`}
    ${lasted > 0 && html`<span class="faint alert-lasted" title=${`since ${exact(alert.since, zone)}`}>lasted ${formatDuration(lasted)}</span>`}`;
}

/** What people and silences did about it. */
function Attention({ alert, zone }) {
  const { acknowledged, muted } = alert;
  if (!acknowledged && !muted) return null;
  return html`<span class="alert-attention">
    ${acknowledged && html`<span class="tag tag-taken" title=${`acknowledged ${exact(acknowledged.at, zone)}`}>
      ✓ ${acknowledged.who}${acknowledged.note && html`<span class="faint">: ${acknowledged.note}</span>`}</span>`}
    ${muted && html`<span class="tag tag-muted">${mutedText(muted, zone)}</span>`}
  </span>`;
}

function AlertRow({ alert, view, open, current }) {
  const classes = ["alert-row", `row-${levelOfSeverity(alert.severity).name}`, current && "alert-row-open"].filter(Boolean);
  const shown = { view: view.view, rule: view.rule, zone: view.zone, alert: alert.id };
  return html`
    <li><a class=${classes.join(" ")} id=${rowElementId(alert.id)} href=${addressOfView(shown)} data-testid="alert" data-id=${alert.id} data-rule=${alert.rule}
      data-state=${alert.state} aria-current=${current ? "true" : null} onClick=${(event) => followed(event, () => open(alert.id))}>
      <span class="alert-severity"><${SeverityMark} severity=${alert.severity} /></span>
      <span class="alert-what"><strong>${alert.rule}</strong> <${Group} group=${alert.group} /></span>
      <span class="alert-figure">${alert.figure_text}</span>
      <span class="alert-when"><${When} alert=${alert} zone=${view.zone} /></span>
      <${Attention} alert=${alert} zone=${view.zone} />
    </a></li>`;
}

/** `open` takes the id of the alert that is to be opened. */
export function AlertList({ alerts, view, open, label }) {
  return html`<ul class="alert-list" aria-label=${label}>
    ${alerts.map((alert) => html`<${AlertRow} key=${alert.id} alert=${alert} view=${view} open=${open} current=${alert.id === view.alert} />`)}</ul>`;
}

/** Moves the focus to the next or the previous row; at first to the one that is open, or to the first. */
export function moveFocus(step) {
  const rows = [...document.querySelectorAll(".alert-row")];
  if (rows.length === 0) return;
  const index = rows.indexOf(document.activeElement);
  const open = rows.findIndex((row) => row.hasAttribute("aria-current"));
  const next = index >= 0 ? index + step : Math.max(open, 0);
  rows[Math.min(Math.max(next, 0), rows.length - 1)].focus();
}
