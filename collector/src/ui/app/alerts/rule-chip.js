// Says that only the alerts of one rule are shown, and takes that away.

import { html } from "../../vendor/htm-preact.module.js";

export function RuleChip({ view, change }) {
  if (!view.rule) return null;
  return html`<div class="chips alert-chips">
    <button type="button" class="chip" data-testid="rule-chip" title="Show the alerts of all rules" onClick=${() => change({ rule: "" })}>rule: ${view.rule} <span aria-hidden="true">✕</span></button></div>`;
}
