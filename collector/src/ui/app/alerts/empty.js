// What stands where alerts, silences, rules or notifications would be, and what to do next.

import { html } from "../../vendor/htm-preact.module.js";
import { addressOfView, followed } from "./address.js";
import { readRules } from "./interface.js";
import { usePolled } from "./polled.js";

const PAUSE_MILLISECONDS = 30_000;

const EXAMPLE = `[[rules]]
name = "node-errors"
when = { log_level = { "$gte" = 40 } }
trigger = { at_least = { count = 5, within = "1m" } }
group_by = ["source.node_id"]
severity = "error"`;

/** A link to another tab of this page. */
export function To({ view, go, children, testid }) {
  return html`<a href=${addressOfView(view)} data-testid=${testid} onClick=${(event) => followed(event, () => go(view))}>${children}</a>`;
}

export function NoRulesYet() {
  const command = `curl -X PUT ${location.origin}/api/v1/rules/node-errors \\
  -H 'content-type: application/json' \\
  -d '{"when": {"log_level": {"$gte": 40}}, "severity": "error",
       "trigger": {"at_least": {"count": 5, "within": "1m"}},
       "group_by": ["source.node_id"]}'`;
  return html`
    <div class="empty" data-testid="empty">
      <h2>No rules yet — nothing can raise an alert</h2>
      <p>A rule says which events matter and when they are worth telling somebody. There are two ways to add one:</p>
      <ol>
        <li><strong>A file</strong>, such as <code>rules/errors.toml</code> in the collector's data folder (or where <code>alerts.rules</code> of its config says):<pre>${EXAMPLE}</pre>
          <p>To check it before: <code>labtrail alerts check rules/*.toml</code></p></li>
        <li><strong>The API</strong>, at once:<pre>${command}</pre></li>
      </ol>
    </div>`;
}

/** That files of rules are wrong, and in how many ways. */
export const thingsAreWrong = ({ length }) => `${length === 1 ? "One thing is" : `${length} things are`} wrong with the files of rules.`;

export function NothingFires({ view, go }) {
  const { value } = usePolled(readRules, "rules", PAUSE_MILLISECONDS);
  if (view.rule) {
    const { rule } = view;
    return html`<div class="empty" data-testid="empty"><h2>No alert of ${rule} fires</h2>
      <p>See <${To} view=${{ view: "history", rule }} go=${go}>when it last did<//>, or <${To} view=${{ view: "rules", rule }} go=${go}>try the rule over the past days<//>.</p></div>`;
  }
  if (value && value.rules.length === 0) return html`<${NoRulesYet} />`;
  const watching = value?.rules.filter(({ rule }) => rule.enabled !== false).length ?? 0;
  return html`
    <div class="empty" data-testid="empty">
      <h2>Nothing fires</h2>
      ${value && html`<p>${watching === 1 ? "One rule is" : `${watching} rules are`} at work, and what they watch for is not so. <${To} view=${{ view: "rules" }} go=${go}>See the rules<//>${" "}
        or <${To} view=${{ view: "history" }} go=${go}>what fired before<//>.</p>`}
      ${value?.problems.length > 0 && html`<p class="partial">${thingsAreWrong(value.problems)} <${To} view=${{ view: "rules" }} go=${go}>See what<//></p>`}
    </div>`;
}

export function NothingResolved({ view }) {
  return html`<div class="empty" data-testid="empty"><h2>${view.rule ? `No alert of ${view.rule} was resolved` : "No alert was resolved"}</h2>
    <p>An alert comes here when its condition ceased to hold. It stays for as long as the collector keeps its history.</p></div>`;
}

export function NoSilences() {
  return html`<div class="empty" data-testid="empty"><h2>No silences</h2>
    <p>A silence keeps certain alerts from telling anybody until a time that you choose: while something is taken apart, or when all who need to know do.
      The alerts still fire and stay in sight here.</p>
    <p>Make one with <strong>New silence</strong>, or from an alert that fires.</p></div>`;
}

export function NoReceivers() {
  return html`<div class="empty-part" data-testid="empty-receivers"><p class="faint">No receivers: alerts fire and are shown here, but nobody is told. Name one in <code>receivers.toml</code> in the collector's data folder:</p>
    <pre>${'[[receivers]]\nname = "ops-mail"\n[receivers.email]\nsmtp_server = "smtp.lab.example"\nsender = "Laboratory <labtrail@lab.example>"\nemail_addresses = ["ops@lab.example"]'}</pre></div>`;
}

export function NoNotifications({ filtered }) {
  const words = filtered ? "No such notification." : "Nobody was told of anything yet. With “Send a test” above you see whether a receiver is reached.";
  return html`<div class="empty-part" data-testid="empty"><p class="faint">${words}</p></div>`;
}
