// The rules: what each watches for, whom it tells, what fires of it, and what is wrong with the files.

import { html } from "../../vendor/htm-preact.module.js";
import { addressOfView, followed } from "./address.js";
import { Fact, labelsText } from "./alert-facts.js";
import { BackTest } from "./back-test.js";
import { NoRulesYet, To, thingsAreWrong } from "./empty.js";
import { readRules } from "./interface.js";
import { Ago } from "./moment.js";
import { usePolled } from "./polled.js";
import { SeverityMark } from "./severity.js";
import { triggerText } from "./trigger-text.js";
import { Trouble } from "./trouble.js";

const PAUSE_MILLISECONDS = 10_000;

export function Rules({ view, go, change }) {
  const { value, problem } = usePolled(readRules, "rules", PAUSE_MILLISECONDS);
  const toggle = (name) => change({ rule: view.rule === name ? "" : name });
  return html`
    <${Trouble} problem=${problem} stale=${value !== null} />
    ${!value && !problem && html`<p class="end">Loading …</p>`}
    ${value && html`
      <div class="view-head"><h2>Rules <span class="faint number">${value.rules.length}</span></h2>
        ${value.loaded_at && html`<span class="faint">read <${Ago} at=${value.loaded_at} zone=${view.zone} /></span>`}</div>
      ${value.problems.length > 0 && html`<section class="banner rule-problems" role="alert" data-testid="rule-problems" aria-label="What is wrong with the rules"><div>
        <strong>${thingsAreWrong(value.problems)}</strong>
        <ul>${value.problems.map((text) => html`<li key=${text}>${text}</li>`)}</ul></div></section>`}
      ${value.rules.length === 0 && html`<${NoRulesYet} />`}
      <ul class="rules" aria-label="Rules">${value.rules.map((rule) => html`
        <${RuleRow} key=${rule.name} entry=${rule} view=${view} open=${view.rule === rule.name} toggle=${toggle} go=${go} />`)}</ul>`}`;
}

function RuleRow({ entry, view, open, toggle, go }) {
  const { name, origin, rule, firing, pending } = entry;
  const { severity = "warning", receivers = [], enabled = true } = rule;
  const address = addressOfView({ view: "rules", rule: open ? "" : name, zone: view.zone });
  return html`
    <li class=${`rule${open ? " rule-open" : ""}`} data-testid="rule" data-name=${name}>
      <a class="rule-row" href=${address} aria-expanded=${open ? "true" : "false"} role="button" onClick=${(event) => followed(event, () => toggle(name))}
        onKeyDown=${(event) => event.key === " " && (event.preventDefault(), toggle(name))}>
        <span class="rule-fold" aria-hidden="true">${open ? "▾" : "▸"}</span>
        <span class="rule-name"><strong>${name}</strong>${!enabled && html` <span class="tag tag-over">off</span>`}
          ${firing > 0 && html` <span class="tag tag-firing" data-testid="rule-firing">${firing} firing</span>`}${pending > 0 && html` <span class="tag tag-pending">${pending} pending</span>`}</span>
        <span class="rule-severity">${severity === "by_level" ? html`<span class="faint">by level</span>` : html`<${SeverityMark} severity=${severity} />`}</span>
        <span class="rule-trigger">${triggerText(rule)}</span>
        <span class="rule-receivers">${receivers.length ? `→ ${receivers.join(", ")}` : html`<span class="faint">→ default receiver</span>`}</span>
        <span class="rule-origin faint">${origin}</span>
      </a>
      ${open && html`<${RuleDetail} entry=${entry} view=${view} go=${go} />`}
    </li>`;
}

function repeatText({ after, growth = 1, at_most: atMost }) {
  return `after ${after}${growth > 1 ? `, each time ${growth} times as late` : ""}${atMost ? `, at most ${atMost} apart` : ""}`;
}

function RuleDetail({ entry, view, go }) {
  const { name, rule, firing } = entry;
  const { zone } = view;
  const { repeat } = rule;
  const link = (to, words) => html`<${To} view=${{ view: to, rule: name, zone }} go=${go}>${words}<//>`;
  return html`
    <div class="rule-detail" data-testid="rule-detail">
      ${rule.description && html`<p class="alert-description">${rule.description}</p>`}
      <dl class="facts">
        <${Fact} name="Events">${rule.when && Object.keys(rule.when).length ? html`<code>${JSON.stringify(rule.when)}</code>` : "all"}<//>
        <${Fact} name="Told again">${repeat && repeatText(repeat)}<//>
        <${Fact} name="Cool-down">${rule.cool_down}<//>
        <${Fact} name="Labels" mono=${true}>${labelsText(rule.labels ?? {})}<//>
      </dl>
      <p class="part-note">${firing > 0 && html`${link("firing", firing === 1 ? "The alert that fires" : `The ${firing} alerts that fire`)} · `}${link("history", "What fired before")}</p>
      <${BackTest} section=${{ name, ...rule }} zone=${zone} />
      <details class="rule-section"><summary>The rule as JSON</summary><pre tabindex="0">${JSON.stringify(rule, null, 2)}</pre></details>
    </div>`;
}
