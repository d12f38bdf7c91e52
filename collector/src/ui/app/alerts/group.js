// The group of an alert: the fields that its rule groups by with their values, as words, and as a selector about events or alerts.

import { html } from "../../vendor/htm-preact.module.js";

/** What the collector writes for a field that the events of a group do not have. */
const MISSING = "(missing)";
/** What it writes at the end of a value that is too long to be shown. */
const CUT = "…";

/** `N7, shelf 4`: the values, for lists in which the fields are known. */
export const groupText = (group) => Object.entries(group).map(([field, value]) => `${field} = ${value}`).join(", ");

/** A field's value as it may be in events: the collector shows all values as texts, so a number may have been one. */
function conditionOf(value) {
  if (value === MISSING) return { $exists: false };
  if (value.endsWith(CUT)) return null;
  try {
    const meant = JSON.parse(value);
    if (meant !== null && typeof meant === "object") return null;
    return { $in: [value, meant] };
  } catch {
    return value;
  }
}

function selectorOf(group, prefix) {
  const conditions = Object.entries(group).map(([field, value]) => [`${prefix}${field}`, conditionOf(value)]);
  return Object.fromEntries(conditions.filter(([, condition]) => condition !== null));
}

/** A selector that all events of the group pass. */
export const eventSelector = (group) => selectorOf(group, "");

/** A selector about alerts: those of the rule with this group. */
export const alertMatcher = ({ rule, group }) => ({ rule, ...selectorOf(group, "group.") });

export function Group({ group }) {
  const fields = Object.entries(group);
  if (fields.length === 0) return null;
  return html`<span class="group">${fields.map(([field, value]) => html`
    <span class="group-field" key=${field} title=${`${field} = ${value}`}><span class="faint">${field}</span> ${value}</span>`)}</span>`;
}
