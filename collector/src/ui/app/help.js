// The keys of a page, and the overlay that lists them.

import { html, useEffect, useRef } from "../vendor/htm-preact.module.js";

const KEYS = [
  ["/", "search text"],
  ["j  k  or  ↓  ↑", "next, previous event"],
  ["Enter", "open or close the event"],
  ["e  E", "next (older), previous (newer) error"],
  ["g", "back to the newest"],
  ["l", "live on or off"],
  ["t", "time range"],
  ["z", "local time or UTC"],
  ["Esc", "close, step back"],
  ["?", "this help"],
];

/** `keys`: pairs of keys and what they do. `children`: what else there is to say. */
export function Help({ close, keys = KEYS, children = "Drag over the bars to choose a time range." }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`
    <dialog class="help" ref=${dialog} aria-labelledby="help-title" onClose=${close} onClick=${({ target }) => target === dialog.current && close()}>
      <header><h2 id="help-title">Keyboard</h2><button type="button" class="button button-close" aria-label="Close help" onClick=${close}>✕</button></header>
      <dl>${keys.map(([names, meaning]) => html`<div key=${names}><dt>${names.split("  ").map((key) => (key === "or" ? " or " : html`<kbd>${key}</kbd>`))}</dt><dd>${meaning}</dd></div>`)}</dl>
      <p class="faint">${children} The address always holds the whole view: copy it to show somebody what you see.</p>
    </dialog>`;
}

/** Listens for keys that are not meant for a field or a button. `commands`: key -> function. */
export function useKeys(commands) {
  const latest = useRef(commands);
  latest.current = commands;
  useEffect(() => {
    const onKey = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
      const { target } = event;
      if (target.closest("input, textarea, select")) {
        if (event.key === "Escape") target.blur();
        return;
      }
      if ((event.key === "Enter" || event.key === " ") && target.closest("button, a, summary")) return;
      const command = latest.current[event.key];
      if (!command) return;
      event.preventDefault();
      command();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
