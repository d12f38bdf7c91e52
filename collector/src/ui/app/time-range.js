// The range control: relative ranges in one list, and two fields for exact instants, written as in the table and
// meant in the zone that the page shows.

import { html, useState, useEffect } from "../vendor/htm-preact.module.js";
import { RANGES, fieldOfInstant, instantOfField, zoneLabel } from "./time.js";

/** `change` takes the changed part of the view. */
export function TimeRange({ view, change }) {
  const choose = ({ target }) => {
    if (target.value !== "custom") return change({ range: target.value, from: "", to: "" });
    const day = RANGES.find(({ name }) => name === view.range)?.milliseconds ?? RANGES[2].milliseconds;
    return change({ range: "custom", from: new Date(Date.now() - day).toISOString(), to: "" });
  };
  const setInstant = (name) => (instant) => {
    const other = name === "from" ? view.to : view.from;
    change({ [name]: instant, range: instant || other ? "custom" : "all" });
  };
  const field = (name, label) => html`<${TimeField} label=${label} instant=${view[name]} zone=${view.zone} commit=${setInstant(name)} />`;
  return html`
    <select class="control" data-testid="range" aria-label="Time range" title="Time range (t)" value=${view.range} onChange=${choose}>
      ${RANGES.map(({ name, label }) => html`<option key=${name} value=${name} selected=${view.range === name}>${label}</option>`)}
      <option value="custom" selected=${view.range === "custom"}>From … to …</option>
    </select>
    ${view.range === "custom" && html`<div class="range-fields">${field("from", "From")}${field("to", "To")}</div>`}`;
}

function TimeField({ label, instant, zone, commit }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const reset = () => {
    setText(fieldOfInstant(instant, zone));
    setWrong(false);
  };
  useEffect(reset, [instant, zone]);
  const finish = () => {
    const meant = instantOfField(text, zone);
    setWrong(meant === null);
    if (meant !== null && text !== fieldOfInstant(instant, zone)) commit(meant);
  };
  return html`
    <label class="range-field"><span>${label}</span>
      <input class="control" type="text" value=${text} placeholder="2026-01-31 09:00" size="19" spellcheck="false" autocomplete="off" aria-invalid=${wrong ? "true" : "false"}
        aria-label=${`${label}, ${zoneLabel(zone)}`} title=${`Year-month-day hour:minute:second, ${zoneLabel(zone)}; or with a zone of its own, like 2026-01-31T08:00:00Z`}
        onInput=${({ target }) => setText(target.value)} onBlur=${finish} onKeyDown=${({ key }) => key === "Enter" && finish()} /></label>`;
}
