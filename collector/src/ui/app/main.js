// The page: keeps the view in the address, runs one search for its question, and lays out the parts.

import { html, render, useState, useEffect, useLayoutEffect, useReducer, useRef } from "../vendor/htm-preact.module.js";
import { formatCount } from "./count.js";
import { useView, questionOf, parametersOf, withoutFilters } from "./url-state.js";
import { Search } from "./search.js";
import { readEvent } from "./api.js";
import { entryOf } from "./event-list.js";
import { sourceOf } from "./event-text.js";
import { ERROR } from "./levels.js";
import { withCondition } from "./selector.js";
import { Header } from "./header.js";
import { Filters } from "./filters.js";
import { Histogram } from "./histogram.js";
import { Status, Away, Note } from "./status.js";
import { Table, scrollToRow, firstInSight } from "./table.js";
import { Row } from "./row.js";
import { Detail } from "./detail.js";
import { End } from "./end.js";
import { Help, useKeys } from "./help.js";

const AROUND_MILLISECONDS = 60_000;
const EXACT_MILLISECONDS_MAX = 60_000;

/** The search of the view's question, and the one before it, to be shown until the new one has an answer. */
function useSearch(view) {
  const [version, redraw] = useReducer((count) => count + 1, 0);
  const current = useRef(null);
  const shown = useRef(null);
  const question = questionOf(view);
  useLayoutEffect(() => {
    const search = new Search(parametersOf(view, Date.now()), redraw);
    current.current = search;
    redraw();
    return () => search.close();
  }, [question]);
  const search = current.current;
  if (search && (search.ready || !shown.current)) shown.current = search;
  return { search, shown: shown.current, version };
}

function App() {
  const { view, change, adjust } = useView();
  const { search, shown, version } = useSearch(view);
  const [currentId, setCurrent] = useState("");
  const [help, setHelp] = useState(false);
  const [said, say] = useState("");
  const scroller = useRef(null);
  const top = useRef(true);

  const stale = shown !== search;
  const reader = { view, shown, currentId };
  const latest = useRef(reader);
  latest.current = reader;

  /** New rows may move the others only when nobody reads them. */
  const holdIfReading = () => {
    const { view: now, shown: list, currentId: current } = latest.current;
    const reading = !top.current || Boolean(now.event && list?.events.get(now.event)) || (current !== "" && list?.events.indexOf(current) > 0);
    search?.hold(!now.live || reading);
  };
  useLayoutEffect(holdIfReading);

  const clear = () => change(withoutFilters(view));
  /** A range chosen by hand is no more exact than the hand: whole seconds, unless it is very short. */
  const zoom = (from, to) => {
    const grain = to - from > EXACT_MILLISECONDS_MAX ? 1000 : 1;
    const [start, end] = [Math.floor(from / grain), Math.ceil(to / grain)].map((count) => new Date(count * grain).toISOString());
    change({ range: "custom", from: start, to: end });
  };
  const toNewest = () => {
    setCurrent("");
    if (view.event) adjust({ event: "" });
    if (scroller.current) scroller.current.scrollTop = 0;
    top.current = true;
    search.release();
  };

  const actions = {
    atTop(isTop) {
      if (top.current === isTop) return;
      top.current = isTop;
      holdIfReading();
    },
    toggle(id) {
      const opens = view.event !== id;
      setCurrent(opens ? id : "");
      adjust({ event: opens ? id : "" });
    },
    close() {
      adjust({ event: "" });
      scroller.current?.focus();
    },
    pick: (path, value, exclude) => change({ filter: withCondition(view.filter, path, value, exclude) }),
    around({ micros, event }) {
      const { host } = sourceOf(event);
      const selector = host ? { "event_data.host.name": host } : event.source?.node_id ? { "source.node_id": event.source.node_id } : null;
      const at = (milliseconds) => new Date(micros / 1000 + milliseconds).toISOString();
      change({ range: "custom", from: at(-AROUND_MILLISECONDS), to: at(AROUND_MILLISECONDS), level: "", q: "", filter: selector ? JSON.stringify(selector) : "" });
    },
  };

  const moveTo = (index) => {
    const entry = shown?.events.entries[index];
    if (!entry) return;
    setCurrent(entry.id);
    const box = scroller.current;
    scrollToRow(box, index, shown.events.indexOf(view.event));
    if (document.activeElement !== box) box.focus({ preventScroll: true });
  };
  /** Without a current row, steps begin at what is in sight. */
  const indexOfCurrent = () => (currentId || view.event ? shown.events.indexOf(currentId || view.event) : firstInSight(scroller.current) - 1);
  const seeking = useRef(false);
  const nextError = async () => {
    if (seeking.current) return;
    seeking.current = true;
    await seekError().finally(() => (seeking.current = false));
  };
  const seekError = async () => {
    const { events } = shown;
    for (let index = indexOfCurrent() + 1; index >= 0; index++) {
      if (index >= events.length) {
        // The rows end before the next error: ask where it is before all rows up to it are fetched.
        if (!(await shown.olderErrorExists())) return say("No older error.");
        const before = events.length;
        await shown.more();
        if (events.length === before) return say("No error among the rows that can be loaded.");
      }
      if (events.entries[index].level.value >= ERROR) return moveTo(index);
    }
    return undefined;
  };
  const previousError = () => {
    for (let index = indexOfCurrent() - 1; index >= 0; index--) {
      if (shown.events.entries[index].level.value >= ERROR) return moveTo(index);
    }
    return say("No newer error.");
  };
  const next = () => moveTo(Math.min(indexOfCurrent() + 1, (shown?.events.length ?? 0) - 1));
  const previous = () => moveTo(Math.max(indexOfCurrent() - 1, 0));
  const toggleCurrent = () => currentId && adjust({ event: view.event === currentId ? "" : currentId });
  const focusOn = (name) => document.querySelector(`[data-testid=${name}]`).focus();
  const toggleLive = () => {
    adjust({ live: !view.live });
    if (!view.live) toNewest();
  };
  const toggleZone = () => adjust({ zone: view.zone === "utc" ? "local" : "utc" });
  useKeys({
    "/": () => focusOn("q"),
    t: () => focusOn("range"),
    j: next,
    ArrowDown: next,
    k: previous,
    ArrowUp: previous,
    Enter: toggleCurrent,
    e: nextError,
    E: previousError,
    g: toNewest,
    l: toggleLive,
    z: toggleZone,
    "?": () => setHelp(true),
    Escape: () => (view.event ? adjust({ event: "" }) : setCurrent("")),
  });

  const linked = useLinkedEvent(view.event, shown);
  if (!search) return null;
  const problem = search.problem;
  const aboutFilter = problem && !problem.away && view.filter;
  return html`
    <${Header} view=${view} search=${search} toggleLive=${toggleLive} toggleZone=${toggleZone} openHelp=${() => setHelp(true)} />
    <main>
      <h1 class="visually-hidden">Events</h1>
      <${Filters} view=${view} problem=${aboutFilter ? problem : null} change=${change} clear=${clear} />
      ${search.away ? html`<${Away} search=${search} />` : problem && !aboutFilter && html`<div class="banner" role="alert" data-testid="error">${problem.message}</div>`}
      ${shown.distribution?.total > 0
        ? html`<${Histogram} distribution=${shown.distribution} version=${version} zone=${view.zone} onZoom=${zoom}><${Status} search=${shown} stale=${stale} /><//>`
        : html`<div class="summary"><${Status} search=${shown} stale=${stale} /></div>`}
      ${linked && html`<div class="linked"><p class="linked-title">The event of this link</p>
        <div class="table" role="treegrid" aria-label="The event of this link"><${Row} entry=${linked} index=${0} zone=${view.zone} open=${true} /></div>
        <${Detail} entry=${linked} actions=${actions} /></div>`}
      <div class="table-place">
        ${search.waitingCount > 0 && html`<button type="button" class="new-events" data-testid="new" onClick=${toNewest}>↑ ${formatCount(search.waitingCount)} new</button>`}
        <${Table} search=${shown} view=${view} stale=${stale && !search.reading} currentId=${currentId} actions=${actions} scroller=${scroller}>
          <${End} search=${shown} view=${view} change=${change} clear=${clear} />
        <//>
      </div>
    </main>
    <div class="visually-hidden" role="status">${said}</div>
    ${said && html`<${Note} text=${said} done=${() => say("")} />`}
    ${help && html`<${Help} close=${() => setHelp(false)} />`}`;
}

/** The event that a link names but the list does not hold. */
function useLinkedEvent(id, shown) {
  const [linked, setLinked] = useState(null);
  const missing = Boolean(id && shown?.ready && !shown.events.get(id));
  useEffect(() => {
    if (!missing) return setLinked(null);
    const abort = new AbortController();
    readEvent(id, abort.signal).then((event) => setLinked(entryOf(event)), () => {});
    return () => abort.abort();
  }, [id, missing]);
  return missing ? linked : null;
}

render(html`<${App} />`, document.getElementById("app"));
