// What a rule watches for, in words.

const WORDS = {
  at_least: ({ count, within }) => `at least ${count} matching ${count === 1 ? "event" : "events"} within ${within}`,
  fewer_than: ({ count, within }) => `fewer than ${count} matching ${count === 1 ? "event" : "events"} within ${within}, after there were some`,
  silence: ({ after }) => `no matching event for ${after}, after there was one`,
  spike: ({ ratio, within, windows = 6, at_least: least = 10 }) => `${ratio} times as many events within ${within} as in the ${windows} windows before, and at least ${least}`,
  new_value: ({ field, remember = "30d" }) => `a value of ${field} that was not there for ${remember}`,
  change: ({ field }) => `another value of ${field} than in the event before`,
  value: ({ field, statistic, within, above, below, at_least: least = 1 }) => {
    const bounds = [above !== undefined && above !== null && `above ${above}`, below !== undefined && below !== null && `below ${below}`].filter(Boolean).join(" and ");
    return `${statistic} of ${field} over ${within} is ${bounds}${least > 1 ? ` (of at least ${least} values)` : ""}`;
  },
};

/** @param rule the section of a rule */
export function triggerText({ trigger, for: holdFor, group_by: fields = [] }) {
  if (trigger === "each") return `each matching event${eachGroup(fields)}`;
  const [[name, settings] = []] = Object.entries(trigger ?? {});
  const words = WORDS[name]?.(settings) ?? JSON.stringify(trigger);
  return `${words}${holdFor ? `, for ${holdFor}` : ""}${eachGroup(fields)}`;
}

const eachGroup = (fields) => (fields.length ? `; each ${fields.join(", ")} by itself` : "");
