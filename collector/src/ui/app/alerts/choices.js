// One of a few, all in sight: radio buttons that look like one divided button.

import { html } from "../../vendor/htm-preact.module.js";

/** `options`: pairs of a value and its words. `hidden`: the legend is only for those who hear the page. */
export function Choices({ name, legend, hidden, options, value, choose }) {
  return html`
    <fieldset class="choices"><legend class=${hidden ? "visually-hidden" : "field-label"}>${legend}</legend>
      ${options.map(([option, words]) => html`
        <label class="choice" key=${option}>
          <input type="radio" name=${name} value=${option} checked=${value === option} onChange=${() => choose(option)} /><span>${words}</span></label>`)}
    </fieldset>`;
}
