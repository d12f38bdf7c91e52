// Buttons that make the collector do something, and say what came of it.

import { html, useState } from "../../vendor/htm-preact.module.js";
import { refreshAll } from "./polled.js";

/** A deed that is under way or failed: `run(deed)` does it, everything that is shown is read again after it. */
export function useDeed() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const run = async (deed) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await deed();
    } catch (cause) {
      setProblem(cause);
    }
    setBusy(false);
    refreshAll();
  };
  return { busy, problem, run };
}

export function DeedButton({ label, busyLabel, deed, testid, title }) {
  const { busy, problem, run } = useDeed();
  return html`<button type="button" class="button" data-testid=${testid} title=${title} aria-disabled=${busy ? "true" : null} onClick=${() => run(deed)}>${busy ? busyLabel : label}</button>
    ${problem && html`<span class="deed-problem" role="alert">${problem.message}</span>`}`;
}

/** A deed that is asked about first: the first press changes what the button says, and the second does it. */
export function SureButton({ label, sureLabel, deed, testid }) {
  const { busy, problem, run } = useDeed();
  const [asked, setAsked] = useState(false);
  const press = () => {
    if (!asked) return setAsked(true);
    setAsked(false);
    return run(deed);
  };
  return html`<button type="button" class=${`button${asked ? " button-sure" : ""}`} data-testid=${testid} aria-disabled=${busy ? "true" : null} onClick=${press} onBlur=${() => setAsked(false)}>
      <span aria-live="polite">${asked ? sureLabel : label}</span></button>
    ${problem && html`<span class="deed-problem" role="alert">${problem.message}</span>`}`;
}
