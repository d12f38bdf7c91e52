// The alerts that fire now, and those whose condition holds but not yet for long enough.

import { html } from "../../vendor/htm-preact.module.js";
import { formatCount } from "../count.js";
import { AlertList, useKeptFocus } from "./alert-list.js";
import { NothingFires } from "./empty.js";
import { RuleChip } from "./rule-chip.js";

/** `active`: what App asks for all the time, as the tab shows its count. */
export function Firing({ active, view, open, go, change }) {
  useKeptFocus();
  const { value } = active;
  if (!value) return active.problem ? null : html`<p class="end">Loading …</p>`;
  const ofRule = (alerts) => (view.rule ? alerts.filter(({ rule }) => rule === view.rule) : alerts);
  const firing = ofRule(value.firing);
  const pending = ofRule(value.pending);
  const left = value.counts.firing + value.counts.pending - value.firing.length - value.pending.length;
  return html`
    <${RuleChip} view=${view} change=${change} />
    ${firing.length + pending.length === 0 && html`<${NothingFires} view=${view} go=${go} />`}
    ${firing.length > 0 && html`
      <h2 class="alert-heading">Firing <span class="faint number" data-testid="firing-number">${formatCount(firing.length)}</span></h2>
      <${AlertList} alerts=${firing} view=${view} open=${open} label="Firing alerts" />`}
    ${pending.length > 0 && html`
      <h2 class="alert-heading" title="The condition holds, but not yet for as long as the rule asks for">Pending <span class="faint number">${formatCount(pending.length)}</span></h2>
      <${AlertList} alerts=${pending} view=${view} open=${open} label="Pending alerts" />`}
    ${left > 0 && html`<p class="end faint">${formatCount(left)} more are not shown.</p>`}`;
}
