// The filter bar: time range, lowest level, free text and the selector, with what is wrong with the selector below it.

import { html, useState, useEffect, useRef } from "../vendor/htm-preact.module.js";
import { LEVELS } from "./levels.js";
import { TimeRange } from "./time-range.js";
import { selectorFault } from "./selector.js";
import { hasFilters } from "./url-state.js";

/** How long typing must rest before it is searched for. */
const TYPING_MILLISECONDS = 300;

/** A text that follows the view but is ahead of it while somebody types. `commit` takes the text and whether typing goes on. */
function useTyped(value, commit) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return {
    text,
    type: (next) => {
      setText(next);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => commit(next, true), TYPING_MILLISECONDS);
    },
    finish: () => {
      clearTimeout(timer.current);
      commit(text, false);
    },
  };
}

export function Filters({ view, problem, change, clear }) {
  const q = useTyped(view.q, (text, typing) => text !== view.q && change({ q: text }, typing));
  const [fault, setFault] = useState("");
  const selector = useTyped(view.filter, (text, typing) => {
    const found = selectorFault(text);
    setFault(typing ? "" : found);
    if (!found && text !== view.filter) change({ filter: text.trim() }, typing);
  });
  useEffect(() => setFault(""), [view.filter]);
  const box = useRef(null);
  useEffect(() => {
    box.current.style.height = "auto";
    if (selector.text.length > 0) box.current.style.height = `${box.current.scrollHeight + 2}px`;
  }, [selector.text]);

  const finishOnEnter = (typed) => (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    typed.finish();
  };
  const wrong = fault || problem;
  return html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${TimeRange} view=${view} change=${change} />
      <select class="control" data-testid="level" aria-label="Lowest level" value=${view.level} onChange=${({ target }) => change({ level: target.value })}>
        <option value="" selected=${view.level === ""}>Every level</option>
        ${LEVELS.slice(1).map(({ name }) => html`<option key=${name} value=${name} selected=${view.level === name}>${name}${name === "CRITICAL" ? "" : " and above"}</option>`)}
      </select>
      <div class="search-box">
        <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="7" cy="7" r="4.5" /><path d="M10.5 10.5L14 14" /></svg>
        <input class="control" type="search" data-testid="q" placeholder="Search text" aria-label="Search text" title="Search (/)" spellcheck="false"
          autocomplete="off" value=${q.text} onInput=${({ target }) => q.type(target.value)} onKeyDown=${finishOnEnter(q)} onBlur=${q.finish} />
        <kbd aria-hidden="true">/</kbd>
      </div>
      <div class="selector-box">
        <textarea class="control" rows="1" data-testid="selector" aria-label="MongoDB selector" aria-invalid=${wrong ? "true" : "false"} aria-describedby="selector-problem"
          placeholder=${'Selector {"event_data.host.name": "pc7"}'} spellcheck="false" autocomplete="off" autocapitalize="off" ref=${box} value=${selector.text}
          onInput=${({ target }) => selector.type(target.value)} onKeyDown=${finishOnEnter(selector)} onBlur=${selector.finish}></textarea>
        <div id="selector-problem" class="selector-problem" role="alert">${fault ? html`<span>${fault}</span>` : problem && html`<${Refusal} problem=${problem} />`}</div>
      </div>
      ${hasFilters(view) && html`<button type="button" class="button" onClick=${clear}>Clear</button>`}
    </form>`;
}

/** The server's words about the selector, and the place in it that they are about. */
function Refusal({ problem }) {
  const told = (pointer) => problem.message.includes(pointer) || problem.message.includes(pointer.split("/").pop());
  const places = problem.errors.map(({ pointer }) => pointer).filter((pointer) => pointer && !told(pointer));
  return html`<span data-testid="error">${problem.message}${places.length > 0 && html` <code>${places.join(", ")}</code>`}</span>`;
}
