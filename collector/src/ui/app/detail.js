// An opened event: its message in full, its JSON, and what one can do from here.

import { html, useState } from "../vendor/htm-preact.module.js";
import { JsonTree } from "./json-tree.js";
import { copyText } from "./clipboard.js";
import { messageOf, sourceOf, timeDoubt, withoutTerminalCodes } from "./event-text.js";

/** A message that a row shows completely is not repeated. */
const MESSAGE_CHARACTERS_REPEATED = 90;

function CopyButton({ label, text }) {
  const [done, setDone] = useState("");
  const copy = async () => setDone((await copyText(text())) ? "Copied" : "Copying is not allowed here");
  return html`<button type="button" class="button" onClick=${copy} onBlur=${() => setDone("")}>
    <span aria-live="polite">${done || label}</span></button>`;
}

/** `actions`: pick(path, value, exclude), around(entry), close(). */
export function Detail({ entry, actions }) {
  const { event } = entry;
  const message = messageOf(event);
  const long = message !== null && (message.length > MESSAGE_CHARACTERS_REPEATED || message.includes("\n"));
  const trace = event.event_data?.error?.stack_trace;
  const { host, id } = sourceOf(event);
  const doubt = timeDoubt(event);
  const link = () => {
    const address = new URL(location.href);
    address.searchParams.set("event", entry.id);
    return address.href;
  };
  return html`
    <section class="detail" data-testid="detail" aria-label="Event">
      <div class="detail-actions">
        <${CopyButton} label="Copy JSON" text=${() => JSON.stringify(event, null, 2)} />
        <${CopyButton} label="Copy link" text=${link} />
        <button type="button" class="button" onClick=${() => actions.around(entry)}
          title="Every level, one minute before and after">What happened around this${host || id ? ` on ${host || id}` : ""}</button>
        <button type="button" class="button button-close" aria-label="Close event" onClick=${actions.close}>✕</button>
      </div>
      ${doubt && html`<p class="detail-note">${doubt}</p>`}
      ${long && html`<pre class="detail-message">${message}</pre>`}
      ${typeof trace === "string" && html`<pre class="detail-message">${withoutTerminalCodes(trace)}</pre>`}
      <${JsonTree} value=${event} onPick=${actions.pick} />
    </section>`;
}
