// What is known of an open alert, one fact in a line.

import { html } from "../../vendor/htm-preact.module.js";
import { formatCount } from "../count.js";
import { formatDuration } from "../time.js";
import { To } from "./empty.js";
import { Ago, Clock } from "./moment.js";
import { mutedText } from "./muted.js";
import { triggerText } from "./trigger-text.js";

/** Without a value there is no line. */
export function Fact({ name, testid, mono, children }) {
  const isEmpty = children === undefined || children === null || children === false || children === "";
  return isEmpty ? null : html`<div><dt>${name}</dt><dd data-testid=${testid} class=${mono ? "mono" : null}>${children}</dd></div>`;
}

/** `team=a  room=B12` */
export const labelsText = (labels) => Object.entries(labels).map(([name, value]) => `${name}=${value}`).join("  ");

/** `rule`: what the collector says of the alert's rule; null while it is not known. */
export function AlertFacts({ alert, rule, zone, go }) {
  const { since, ended, acknowledged, muted } = alert;
  const isOver = alert.state === "resolved";
  const lasted = since && ended ? Math.max(0, Date.parse(ended) - Date.parse(since)) : null;
  const link = (view, words) => html`<${To} view=${{ ...view, zone }} go=${go}>${words}<//>`;
  return html`
    <dl class="facts">
      ${Object.entries(alert.group).map(([field, value]) => html`<${Fact} key=${field} name=${field} mono=${true}>${value}<//>`)}
      <${Fact} name=${isOver ? "Began" : "Since"}>${since && html`<${Clock} at=${since} zone=${zone} />${!isOver && html` <span class="faint"><${Ago} at=${since} zone=${zone} /></span>`}`}<//>
      <${Fact} name="Ended">${ended && html`<${Clock} at=${ended} zone=${zone} />${lasted !== null && html` <span class="faint">after ${formatDuration(lasted)}</span>`}`}<//>
      <${Fact} name="Rests on">${alert.figure_text}<//>
      <${Fact} name="Fires on">${rule && html`${triggerText(rule.rule)} <span class="faint">(${link({ view: "rules", rule: alert.rule }, "rule")}, ${rule.origin})</span>`}<//>
      <${Fact} name="Labels" mono=${true}>${labelsText(alert.labels)}<//>
      <${Fact} name="Acknowledged" testid="acknowledged">${acknowledged &&
        html`by <strong>${acknowledged.who}</strong> <${Ago} at=${acknowledged.at} zone=${zone} />${acknowledged.note && `: ${acknowledged.note}`}`}<//>
      <${Fact} name="Muted" testid="muted">${muted && html`${mutedText(muted, zone)}${muted.by === "silence" && html` <span class="faint">(${link({ view: "silences" }, "silences")})</span>`}`}<//>
      <${Fact} name="Episode">${formatCount(alert.episode)}<//>
    </dl>`;
}
