// Making a silence: which alerts, until when, by whom, and at once which alerts that would hit now.

import { html, useEffect, useState } from "../../vendor/htm-preact.module.js";
import { formatCount } from "../count.js";
import { selectorFault } from "../selector.js";
import { instantOfField, zoneLabel } from "../time.js";
import { Choices } from "./choices.js";
import { Dialog, Field, NoteField, WhoField } from "./dialog.js";
import { makeSilence, previewSilence } from "./interface.js";
import { groupText } from "./group.js";
import { refreshAll } from "./polled.js";
import { SeverityMark } from "./severity.js";
import { rememberedWho, rememberWho } from "./who.js";

/** How long typing must rest before the preview follows. */
const TYPING_MILLISECONDS = 300;
const EXAMPLE = '{"rule": "node-errors", "group.source.node_id": "N7"}';
const SHOWN_MAX = 8;
const ROWS_MAX = 8;

const LENGTHS = [
  ["1h", "1 hour"],
  ["8h", "8 hours"],
  ["1d", "1 day"],
  ["7d", "1 week"],
  ["custom", "Until …"],
];

/** What the collector is asked for, or the words that say why it cannot be. */
function requestOf({ matcher, length, until, zone }) {
  const fault = matcher.trim() ? selectorFault(matcher, EXAMPLE) : "Say which alerts are meant.";
  if (fault) return { fault };
  const request = { matcher: JSON.parse(matcher) };
  if (length !== "custom") return { request: { ...request, for: length } };
  const instant = instantOfField(until, zone);
  return instant ? { request: { ...request, until: instant } } : { request, untilFault: "Say until when, such as 2026-01-31 18:00." };
}

/** The alerts that the matcher hits now, once typing rests. */
function usePreview(matcher) {
  const [preview, setPreview] = useState({ alerts: null, problem: null });
  const fault = !matcher.trim() || selectorFault(matcher, EXAMPLE) !== "";
  useEffect(() => {
    if (fault) return setPreview({ alerts: null, problem: null });
    const abort = new AbortController();
    const timer = setTimeout(() => {
      previewSilence({ matcher: JSON.parse(matcher) }, abort.signal).then(
        (alerts) => setPreview({ alerts, problem: null }),
        (problem) => abort.signal.aborted || setPreview({ alerts: null, problem }),
      );
    }, TYPING_MILLISECONDS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [matcher, fault]);
  return preview;
}

/** A matcher as it stands in the field: on several lines where it is long. */
function writtenOut(text) {
  try {
    const matcher = JSON.parse(text);
    return Object.keys(matcher).length > 1 ? JSON.stringify(matcher, null, 1).replace(/\n /g, "\n  ") : JSON.stringify(matcher);
  } catch {
    return text;
  }
}

/** `initial`: the matcher to begin with, as JSON text; may be empty. */
export function SilenceDialog({ initial, zone, close }) {
  const [matcher, setMatcher] = useState(() => writtenOut(initial));
  const [length, setLength] = useState("1h");
  const [until, setUntil] = useState("");
  const [who, setWho] = useState(rememberedWho);
  const [note, setNote] = useState("");
  const [sent, setSent] = useState(false);
  const preview = usePreview(matcher);
  const { request, fault, untilFault } = requestOf({ matcher, length, until, zone });
  const rows = Math.min(ROWS_MAX, Math.max(2, matcher.split("\n").length));
  const typed = matcher.trim() !== "";
  const wrong = (typed || sent ? fault : "") || preview.problem?.message || "";
  const send = async () => {
    setSent(true);
    if (fault || untilFault) throw new Error(fault ?? untilFault);
    await makeSilence({ ...request, by: who.trim(), note: note.trim() });
    rememberWho(who.trim());
    refreshAll();
  };
  return html`
    <${Dialog} title="New silence" testid="silence-dialog" submit="Silence" send=${send} close=${close}>
      <${Field} label="Which alerts" hint=${html`A selector about <code>rule</code>, <code>severity</code>, <code>group.NAME</code> and <code>labels.NAME</code>, as for events`}>
        <textarea class="control matcher" data-testid="matcher" data-first=${initial ? null : ""} rows=${rows} spellcheck="false" autocomplete="off" autocapitalize="off"
          placeholder=${EXAMPLE} aria-invalid=${wrong ? "true" : "false"} aria-describedby="matcher-problem" value=${matcher} onInput=${({ target }) => setMatcher(target.value)}></textarea>
      <//>
      <div id="matcher-problem" class="selector-problem" role="alert" data-testid="matcher-problem">${wrong}</div>
      <${Preview} alerts=${preview.alerts} isAll=${request && Object.keys(request.matcher).length === 0} />
      <${Choices} name="length" legend="For" options=${LENGTHS} value=${length} choose=${setLength} />
      ${length === "custom" && html`<${Field} label=${`Until (${zoneLabel(zone)})`}>
        <input class="control" data-testid="until" placeholder="2026-01-31 18:00" spellcheck="false" autocomplete="off"
          aria-invalid=${sent && untilFault ? "true" : "false"} value=${until} onInput=${({ target }) => setUntil(target.value)} /><//>`}
      <${WhoField} who=${who} setWho=${setWho} first=${Boolean(initial) && !who} />
      <${NoteField} note=${note} setNote=${setNote} first=${Boolean(initial) && who !== ""} placeholder="why, for the others" />
    <//>`;
}

/** `isAll`: the matcher has no condition. */
function Preview({ alerts, isAll }) {
  const count = alerts?.length ?? 0;
  return html`<div class="preview" role="status" data-testid="preview" data-count=${alerts ? count : null}>
    ${!alerts ? html`<span class="faint">Here you see which alerts it hits.</span>` : count === 0 ? html`<span class="faint">It hits no alert now; only ones that fire later.</span>` : html`
      ${isAll && html`<strong class="partial">This means every alert there is. </strong>`}<strong>It hits ${count === 1 ? "one alert" : `${formatCount(count)} alerts`} now:</strong>
      <ul>${alerts.slice(0, SHOWN_MAX).map(({ id, severity, rule, group, state }) => html`
        <li key=${id}><${SeverityMark} severity=${severity} /><span class="preview-what">${rule} <span class="faint">${groupText(group)}${state === "pending" ? " (pending)" : ""}</span></span></li>`)}</ul>
      ${count > SHOWN_MAX && html`<span class="faint">and ${formatCount(count - SHOWN_MAX)} more</span>`}`}
  </div>`;
}
