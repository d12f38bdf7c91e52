// JSON as an indented tree whose branches fold, with two buttons beside every value: only events with it, or without it.

import { html, useState } from "../vendor/htm-preact.module.js";
import { selectablePath } from "./selector.js";

/** More children than this are shown on request. */
const CHILDREN_MAX = 200;

function Leaf({ value }) {
  const kind = value === null ? "null" : typeof value;
  return html`<span class=${`json-${kind}`}>${JSON.stringify(value)}</span>`;
}

function Pick({ keys, value, onPick }) {
  const path = selectablePath(keys);
  if (path === null) return null;
  const text = `${path} = ${JSON.stringify(value)}`.slice(0, 120);
  return html`<span class="json-pick">
    <button type="button" title=${`Only events with ${text}`} aria-label=${`Only events with ${text}`} onClick=${() => onPick(path, value, false)}>+</button>
    <button type="button" title=${`Exclude events with ${text}`} aria-label=${`Exclude events with ${text}`} onClick=${() => onPick(path, value, true)}>−</button>
  </span>`;
}

/** One key and its value; `last` leaves out the comma. */
function Line({ name, value, keys, last, onPick }) {
  const [open, setOpen] = useState(true);
  const [all, setAll] = useState(false);
  const label = typeof name === "string" && html`<span class="json-key">${JSON.stringify(name)}</span>: `;
  const comma = last ? "" : ",";
  const indent = `--depth: ${keys.length}`;
  const isBranch = value !== null && typeof value === "object";
  const children = isBranch ? Object.entries(value) : [];
  if (children.length === 0) {
    return html`<div class="json-line" style=${indent}>
      ${label}${isBranch ? (Array.isArray(value) ? "[]" : "{}") : html`<${Leaf} value=${value} />`}${comma}
      ${!isBranch && html`<${Pick} keys=${keys} value=${value} onPick=${onPick} />`}
    </div>`;
  }
  const isList = Array.isArray(value);
  const [opening, closing] = isList ? "[]" : "{}";
  const shown = all ? children : children.slice(0, CHILDREN_MAX);
  const fold = keys.length > 0 && html`<button type="button" class="json-fold" aria-expanded=${open ? "true" : "false"}
    aria-label=${`${open ? "Fold" : "Unfold"} ${name}`} onClick=${() => setOpen(!open)}>${open ? "▾" : "▸"}</button>`;
  if (!open) {
    return html`<div class="json-line" style=${indent}>${fold}${label}${opening}<span class="faint"> ${children.length} … </span>${closing}${comma}</div>`;
  }
  return html`
    <div class="json-line" style=${indent}>${fold}${label}${opening}</div>
    ${shown.map(([key, child], index) => html`<${Line} key=${key} name=${isList ? Number(key) : key} value=${child}
      keys=${[...keys, isList ? Number(key) : key]} last=${index === children.length - 1} onPick=${onPick} />`)}
    ${shown.length < children.length && html`<div class="json-line" style=${`--depth: ${keys.length + 1}`}>
      <button type="button" class="button-plain" onClick=${() => setAll(true)}>Show ${children.length - shown.length} more</button></div>`}
    <div class="json-line" style=${indent}>${closing}${comma}</div>`;
}

export function JsonTree({ value, onPick }) {
  return html`<div class="json"><${Line} value=${value} keys=${[]} last=${true} onPick=${onPick} /></div>`;
}
