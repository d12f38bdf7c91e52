// The tabs of the page: one is chosen, the arrow keys go from one to the next.

import { html } from "../../vendor/htm-preact.module.js";
import { formatCount } from "../count.js";
import { VIEWS } from "./address.js";

export const tabId = (name) => `tab-${name}`;
export const PANEL_ID = "panel";

/** `marks`: by the name of a view, the count that stands behind its label, and what that means. */
export function Tabs({ view, marks, go }) {
  const choose = (index) => {
    const { name } = VIEWS[(index + VIEWS.length) % VIEWS.length];
    go({ view: name });
    document.getElementById(tabId(name)).focus();
  };
  const onKey = (event, index) => {
    const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: VIEWS.length - 1 }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    choose(to);
  };
  return html`
    <div class="tabs" role="tablist" aria-label="Alerts">
      ${VIEWS.map(({ name, label }, index) => {
        const selected = view.view === name;
        const { count = 0, words } = marks[name] ?? {};
        return html`<button type="button" role="tab" class="tab" key=${name} id=${tabId(name)} data-testid=${tabId(name)} aria-selected=${selected ? "true" : "false"} aria-controls=${PANEL_ID}
          tabindex=${selected ? 0 : -1} onClick=${() => go({ view: name })} onKeyDown=${(event) => onKey(event, index)}>
          ${label}${count > 0 && html` <span class="tab-count number" title=${words}>${formatCount(count)}</span>`}</button>`;
      })}
    </div>`;
}
