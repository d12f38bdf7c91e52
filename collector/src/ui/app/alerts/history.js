// The alerts that are over, the newest end first.

import { html, useState, useRef } from "../../vendor/htm-preact.module.js";
import { AlertList, useKeptFocus } from "./alert-list.js";
import { NothingResolved } from "./empty.js";
import { readAlerts } from "./interface.js";
import { usePolled } from "./polled.js";
import { RuleChip } from "./rule-chip.js";
import { Trouble } from "./trouble.js";

const PAUSE_MILLISECONDS = 10_000;
const PAGE = 100;

export function History({ view, open, change }) {
  useKeptFocus();
  const question = (after) => ({ state: "resolved", rule: view.rule, limit: PAGE, after });
  const newest = usePolled((signal) => readAlerts(question(""), signal), `history ${view.rule}`, PAUSE_MILLISECONDS);
  const [older, setOlder] = useState({ rule: view.rule, alerts: [], next: null });
  const [problem, setProblem] = useState(null);
  const reading = useRef(false);
  if (!newest.value) return newest.problem ? html`<${Trouble} problem=${newest.problem} />` : html`<p class="end">Loading …</p>`;
  const further = older.rule === view.rule ? older.alerts : [];
  const next = further.length ? older.next : newest.value.next;
  // An alert that ended again since then stands further up now.
  const first = new Set(newest.value.alerts.map(({ id }) => id));
  const alerts = [...newest.value.alerts, ...further.filter(({ id }) => !first.has(id))];
  const more = async () => {
    if (reading.current) return;
    reading.current = true;
    try {
      const page = await readAlerts(question(next));
      setOlder({ rule: view.rule, alerts: [...further, ...page.alerts], next: page.next });
      setProblem(null);
    } catch (cause) {
      setProblem(cause);
    }
    reading.current = false;
  };
  return html`
    <${Trouble} problem=${newest.problem ?? problem} stale=${true} />
    <${RuleChip} view=${view} change=${change} />
    ${alerts.length === 0
      ? html`<${NothingResolved} view=${view} />`
      : html`<h2 class="alert-heading">Resolved</h2><${AlertList} alerts=${alerts} view=${view} open=${open} label="Resolved alerts" />`}
    ${next && html`<p class="end"><button type="button" class="button" data-testid="older" onClick=${more}>Show older ones</button></p>`}`;
}
