// A form that lies over the page until it is sent or closed. Escape and a click beside it close it; the browser keeps the focus inside.

import { html, useEffect, useRef, useState } from "../../vendor/htm-preact.module.js";

let dialogCount = 0;

/** `children`: the fields. `send` does the deed; when it fails the dialog says why and stays. `submit`: what the button says. */
export function Dialog({ title, testid, submit, send, close, children }) {
  const dialog = useRef(null);
  const form = useRef(null);
  const titleId = useRef(`dialog-title-${(dialogCount += 1)}`);
  const [problem, setProblem] = useState("");
  const [sending, setSending] = useState(false);
  useEffect(() => {
    const element = dialog.current;
    element.showModal();
    form.current.querySelector("[data-first]")?.focus();
    // The browser gives the focus back when a dialog is closed, but not when it is merely taken away.
    return () => element.close();
  }, []);
  /** Closing tells of itself later, when the dialog may be gone for long. */
  const left = useRef(false);
  const leave = () => {
    if (left.current) return;
    left.current = true;
    close();
  };
  const onSubmit = async (event) => {
    event.preventDefault();
    if (sending) return;
    setSending(true);
    setProblem("");
    try {
      await send();
      leave();
    } catch (cause) {
      setSending(false);
      setProblem(cause.message);
    }
  };
  // Only a press that also began beside the form closes it, not the end of marking a text.
  const pressed = useRef(false);
  return html`
    <dialog class="help dialog" ref=${dialog} data-testid=${testid} aria-labelledby=${titleId.current} onClose=${leave}
      onMouseDown=${({ target }) => (pressed.current = target === dialog.current)} onClick=${({ target }) => target === dialog.current && pressed.current && leave()}>
      <header><h2 id=${titleId.current}>${title}</h2><button type="button" class="button button-close" aria-label="Close" onClick=${leave}>✕</button></header>
      <form class="dialog-form" ref=${form} onSubmit=${onSubmit}>
        ${children}
        <div role="alert">${problem && html`<div class="banner dialog-problem" data-testid="dialog-error">${problem}</div>`}</div>
        <div class="dialog-send">
          <button type="submit" class="button button-main" data-testid="send" disabled=${sending}>${submit}</button>
          <button type="button" class="button" onClick=${leave}>Cancel</button>
        </div>
      </form>
    </dialog>`;
}

/** A field of a form with its name above it and, if need be, words below it. */
export function Field({ label, hint, children }) {
  return html`<label class="field"><span class="field-label">${label}</span>${children}${hint && html`<span class="field-hint">${hint}</span>`}</label>`;
}

/** Who does it, known from the last time. */
export function WhoField({ who, setWho, first }) {
  return html`<${Field} label="Your name">
    <input class="control" required data-testid="by" data-first=${first ? "" : null} maxlength="100" autocomplete="name" spellcheck="false"
      value=${who} onInput=${({ target }) => setWho(target.value)} /><//>`;
}

export function NoteField({ note, setNote, first, placeholder }) {
  return html`<${Field} label="Note">
    <input class="control" data-testid="note" data-first=${first ? "" : null} maxlength="1000" autocomplete="off" placeholder=${placeholder}
      value=${note} onInput=${({ target }) => setNote(target.value)} /><//>`;
}
