// The API page: draws the collector's own description of its interface (/openapi.json, OpenAPI 3.1) and tries out its GET routes.

import { html, render, useState, useEffect } from "../vendor/htm-preact.module.js";
import { readDescription } from "./api.js";
import { parts, shapeText, typeText } from "./openapi.js";
import { copyText } from "./clipboard.js";
import { Pages } from "./pages.js";

/** An answer is shown up to here; the whole of it is one click away. */
const ANSWER_CHARACTERS_MAX = 20_000;

/** Paragraphs and `code` of a description; other markup stays as it is written. */
function Prose({ text }) {
  if (!text) return null;
  return text.split(/\n\s*\n/).map((paragraph) => html`<p>${paragraph.split(/(`[^`]+`)/).map((piece) => (piece.startsWith("`") && piece.length > 2 ? html`<code>${piece.slice(1, -1)}</code>` : piece))}</p>`);
}

function Shape({ title, description, content }) {
  return html`<div class="docs-shape">
    <h3>${title}${Object.keys(content).length > 0 && html` <span class="faint">${Object.keys(content).join(", ")}</span>`}</h3>
    <${Prose} text=${description} />
    ${Object.entries(content).map(([type, media]) => media.schema && html`<pre key=${type}>${shapeText(media.schema, media.resolve)}</pre>`)}
  </div>`;
}

function Parameters({ parameters, resolve }) {
  return html`<div class="docs-scroll"><table><thead><tr><th scope="col">Parameter</th><th scope="col">In</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>
    ${parameters.map((parameter) => html`<tr key=${parameter.in + parameter.name}>
      <td><code>${parameter.name}</code>${parameter.required && html` <span class="docs-required">required</span>`}</td>
      <td>${parameter.in}</td><td><code>${typeText(parameter.schema, resolve)}</code></td><td><${Prose} text=${parameter.description} /></td></tr>`)}
  </tbody></table></div>`;
}

function TryIt({ operation }) {
  const [values, setValues] = useState({});
  const [answer, setAnswer] = useState(null);
  const fields = operation.parameters.filter((parameter) => parameter.in === "path" || parameter.in === "query");
  const missing = fields.some((field) => field.required && !values[field.name]);
  const address = () => {
    const query = new URLSearchParams();
    let path = operation.path;
    for (const field of fields) {
      const value = values[field.name] ?? "";
      if (field.in === "path" && value) path = path.replace(`{${field.name}}`, encodeURIComponent(value));
      else if (field.in === "query" && value) query.set(field.name, value);
    }
    return query.size ? `${path}?${query}` : path;
  };
  const send = async (event) => {
    event.preventDefault();
    setAnswer({ status: "…", text: "" });
    const begin = performance.now();
    try {
      const response = await fetch(address());
      const text = await response.text();
      let shown = text;
      try {
        shown = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        // Not JSON: shown as it came.
      }
      setAnswer({ status: `${response.status} ${response.statusText}`, time: Math.round(performance.now() - begin), text: shown.slice(0, ANSWER_CHARACTERS_MAX), cut: shown.length > ANSWER_CHARACTERS_MAX });
    } catch {
      setAnswer({ status: "The collector does not answer.", text: "" });
    }
  };
  return html`<form class="docs-try" onSubmit=${send}>
    <h3>Try it</h3>
    ${fields.length > 0 && html`<div class="docs-fields">${fields.map((field) => html`<label key=${field.name}><span>${field.name}${field.required ? " *" : ""}</span>
      <input class="control" value=${values[field.name] ?? ""} spellcheck="false" autocomplete="off" onInput=${({ target }) => setValues({ ...values, [field.name]: target.value })} /></label>`)}</div>`}
    <div class="docs-send"><button class="button" type="submit" disabled=${missing}>Send</button>
      <button class="button" type="button" onClick=${() => copyText(`curl '${location.origin}${address().replaceAll("'", "%27")}'`)}>Copy as curl</button>
      <code>GET ${address()}</code></div>
    ${answer && html`<div role="status"><p><strong>${answer.status}</strong>${answer.time !== undefined && html` <span class="faint">${answer.time} ms</span>`}</p>
      ${answer.text && html`<pre class="docs-answer" tabindex="0">${answer.text}${answer.cut ? "\n…" : ""}</pre>`}</div>`}
  </form>`;
}

function Operation({ operation }) {
  const [open, setOpen] = useState(location.hash === `#${operation.id}`);
  const { resolve } = operation;
  // A stream never ends, so trying it here would wait for ever.
  const streams = operation.responses.some(({ content }) => "text/event-stream" in content);
  return html`<details class="docs-operation" id=${operation.id} open=${open} onToggle=${({ target }) => setOpen(target.open)}>
    <summary><span class=${`docs-method docs-${operation.method}`}>${operation.method.toUpperCase()}</span><code>${operation.path}</code><span class="faint docs-summary">${operation.summary}</span></summary>
    ${open && html`<div class="docs-body">
      <${Prose} text=${operation.description} />
      ${operation.parameters.length > 0 && html`<${Parameters} parameters=${operation.parameters} resolve=${resolve} />`}
      ${operation.body && html`<${Shape} title=${`Request body${operation.body.required ? "" : " (optional)"}`} description=${operation.body.description} content=${operation.body.content} />`}
      ${operation.responses.map((response) => html`<${Shape} key=${response.status} title=${`Answer ${response.status}`} description=${response.description} content=${response.content} />`)}
      ${operation.method === "get" && !streams && html`<${TryIt} operation=${operation} />`}
    </div>`}
  </details>`;
}

function Docs() {
  const [description, setDescription] = useState(null);
  const [problem, setProblem] = useState("");
  const [sought, setSought] = useState("");
  useEffect(() => {
    readDescription().then(setDescription, ({ message }) => setProblem(message));
  }, []);
  const groups = description ? parts(description) : [];
  const matches = ({ path, summary, method }) => `${method} ${path} ${summary}`.toLowerCase().includes(sought.toLowerCase());
  return html`
    <header class="header">
      <a class="brand" href="/"><img src="/ui/icon.svg" alt="" width="20" height="20" />Labtrail</a>
      <${Pages} current="/docs" />
    </header>
    <main class="docs">
      ${problem && html`<div class="banner" role="alert" data-testid="error">The description of the interface could not be read: ${problem}</div>`}
      ${!description && !problem && html`<p class="faint">Loading …</p>`}
      ${description && html`
        <h1>${description.info?.title} <span class="faint">${description.info?.version}</span></h1>
        <${Prose} text=${description.info?.description} />
        <p><input class="control docs-search" type="search" placeholder="Find a route" aria-label="Find a route" value=${sought} onInput=${({ target }) => setSought(target.value)} />
          <a href="/openapi.json" class="docs-raw">openapi.json</a></p>
        ${groups.map(({ name, operations }) => {
          const found = operations.filter(matches);
          return found.length > 0 && html`<section key=${name}><h2>${name}</h2>${found.map((operation) => html`<${Operation} key=${operation.id} operation=${operation} />`)}</section>`;
        })}`}
    </main>`;
}

render(html`<${Docs} />`, document.getElementById("docs"));
