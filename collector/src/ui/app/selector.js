// The MongoDB selector in the selector box: checked for being JSON, and extended by conditions picked from an event.

/** Says why a text is no selector; empty if it is one (or empty itself). `example` is a right one. */
export function selectorFault(text, example = '{"event_data.host.name": "pc7"}') {
  if (!text.trim()) return "";
  let selector;
  try {
    selector = JSON.parse(text);
  } catch (cause) {
    return `This is not JSON yet: ${cause.message}.`;
  }
  const isObject = selector !== null && typeof selector === "object" && !Array.isArray(selector);
  return isObject ? "" : `A selector is a JSON object, for example ${example}.`;
}

/** A dotted path that a selector can name; null for what it cannot (keys with dots or dollars, the collector's own fields). */
export function selectablePath(keys) {
  if (keys.length === 0 || keys[0] === "_labtrail") return null;
  const names = keys.filter((key) => typeof key === "string");
  if (names.some((name) => name === "" || name.includes(".") || name.startsWith("$"))) return null;
  return names.join(".");
}

/** The selector with one more condition; a condition on the same path that is already there stays. */
export function withCondition(text, path, value, exclude) {
  const selector = selectorFault(text) || !text.trim() ? {} : JSON.parse(text);
  const condition = exclude ? { $ne: value } : value;
  if (!(path in selector)) return JSON.stringify({ ...selector, [path]: condition });
  if (JSON.stringify(selector[path]) === JSON.stringify(condition)) return text;
  const { $and = [], ...rest } = selector;
  return JSON.stringify({ ...rest, $and: [...$and, { [path]: condition }] });
}
