// The page of alerts: keeps the view in the address, asks what fires all the time, and shows one tab with, beside it, the open alert.

import { html, render, useEffect, useState } from "../../vendor/htm-preact.module.js";
import { Pages, firingOf } from "../pages.js";
import { ZoneSwitch } from "../zone-switch.js";
import { Help, useKeys } from "../help.js";
import { VIEWS, useView } from "./address.js";
import { AlertDetail } from "./alert-detail.js";
import { moveFocus, rowElementId } from "./alert-list.js";
import { keepFocus } from "./focus-home.js";
import { Firing } from "./firing.js";
import { History } from "./history.js";
import { KEYS } from "./keys.js";
import { Notifications } from "./notifications.js";
import { readAlerts, readReceivers } from "./interface.js";
import { usePolled } from "./polled.js";
import { Rules } from "./rules.js";
import { SilenceDialog } from "./silence-dialog.js";
import { Silences } from "./silences.js";
import { PANEL_ID, Tabs, tabId } from "./tabs.js";
import { Trouble } from "./trouble.js";

const PAUSE_MILLISECONDS = 5000;
const RECEIVERS_PAUSE_MILLISECONDS = 30_000;
/** As many as the collector gives at once. */
const LIMIT = 1000;

async function readActive(signal) {
  const [firing, pending] = await Promise.all(["firing", "pending"].map((state) => readAlerts({ state, limit: LIMIT }, signal)));
  return { now: firingOf(firing), firing: firing.alerts, pending: pending.alerts, counts: firing.counts };
}

const firingWords = (count) => (count === 1 ? "1 alert fires" : `${count} alerts fire`);

function App() {
  const { view, change, adjust, go } = useView();
  const [help, setHelp] = useState(false);
  const active = usePolled(readActive, "active", PAUSE_MILLISECONDS);
  const firing = active.value?.counts.firing;
  // Whoever looks at another tab should still learn that nobody is told.
  const failing = usePolled(readReceivers, "receivers", RECEIVERS_PAUSE_MILLISECONDS).value?.filter((receiver) => receiver.failing_since).length ?? 0;
  const hasAlerts = view.view === "firing" || view.view === "history";
  useEffect(() => {
    document.title = firing > 0 ? `(${firing}) Labtrail alerts` : "Labtrail alerts";
  }, [firing]);

  const open = (id) => (view.alert ? adjust : change)({ alert: id });
  const close = () => {
    const row = document.getElementById(rowElementId(view.alert));
    adjust({ alert: "" });
    // In a narrow window the row is hidden behind the alert until the page is drawn again.
    requestAnimationFrame(() => (row?.isConnected ? row : document.getElementById(tabId(view.view))).focus());
  };
  const goToTab = (name) => {
    go({ view: name });
    document.getElementById(tabId(name)).focus();
  };
  const toggleZone = () => adjust({ zone: view.zone === "utc" ? "local" : "utc" });
  const click = (testid) => document.querySelector(`[data-testid=${testid}]`)?.click();
  useKeys({
    ...Object.fromEntries(VIEWS.map(({ name }, index) => [String(index + 1), () => goToTab(name)])),
    ...(hasAlerts && { j: () => moveFocus(1), ArrowDown: () => moveFocus(1), k: () => moveFocus(-1), ArrowUp: () => moveFocus(-1) }),
    a: () => click("acknowledge"),
    s: () => (view.alert ? click("silence") : adjust({ silence: "new" })),
    z: toggleZone,
    "?": () => setHelp(true),
    Escape: () => view.alert && close(),
  });

  const parts = {
    firing: () => html`<${Firing} active=${active} view=${view} open=${open} go=${go} change=${change} />`,
    history: () => html`<${History} view=${view} open=${open} change=${change} />`,
    silences: () => html`<${Silences} view=${view} adjust=${adjust} />`,
    rules: () => html`<${Rules} view=${view} go=${go} change=${change} />`,
    notifications: () => html`<${Notifications} view=${view} change=${change} />`,
  };
  const marks = {
    firing: { count: firing, words: firingWords(firing) },
    notifications: { count: failing, words: failing === 1 ? "1 receiver fails" : `${failing} receivers fail` },
  };
  const opened = hasAlerts && view.alert !== "";
  return html`
    <header class="header">
      <a class="brand" href="/"><img src="/ui/icon.svg" alt="" width="20" height="20" />Labtrail</a>
      <${Pages} current="/alerts" zone=${view.zone} firing=${active.value?.now ?? null} />
      <span class="header-space"></span>
      <${ZoneSwitch} zone=${view.zone} toggle=${toggleZone} />
      <button type="button" class="button" aria-label="Keyboard help" title="Keyboard (?)" onClick=${() => setHelp(true)}>?</button>
    </header>
    <main class="alerts">
      <h1 class="visually-hidden">Alerts</h1>
      <${Tabs} view=${view} marks=${marks} go=${go} />
      <${Trouble} problem=${hasAlerts ? active.problem : null} stale=${active.value !== null} />
      <div class=${`alerts-split${opened ? " alerts-split-open" : ""}`}>
        <div class="alerts-view" role="tabpanel" tabindex="-1" id=${PANEL_ID} data-testid="panel" data-view=${view.view}
          aria-labelledby=${tabId(view.view)} key=${view.view}><div class="alerts-inner">${parts[view.view]()}</div></div>
        ${opened && html`<${AlertDetail} key="detail" view=${view} change=${adjust} go=${go} close=${close} />`}
      </div>
    </main>
    <div class="visually-hidden" role="status">${firing > 0 ? firingWords(firing) : ""}</div>
    ${view.silence && html`<${SilenceDialog} initial=${view.silence === "new" ? "" : view.silence} zone=${view.zone} close=${() => adjust({ silence: "" })} />`}
    ${help && html`<${Help} close=${() => setHelp(false)} keys=${KEYS}>An alert that is open has an address of its own.<//>`}`;
}

const root = document.getElementById("app");
render(html`<${App} />`, root);
keepFocus(root, () => document.querySelector("[data-testid=alert-title]") ?? document.getElementById(PANEL_ID));
