// From the steps of a back-test to spans of time in which an alert would have fired, in one lane for each group.

import { groupText } from "./group.js";

/** @typedef {{from: number, to: number, open: boolean, count: number, figure: any, repeats: number[]}} Span milliseconds; `open`: not over */

/** @returns {{label: string, spans: Span[]}[]} the groups that fired most often first */
export function lanesOf(answer) {
  const end = Date.parse(answer.to);
  const lanes = answer.groups.map(({ group, steps }) => ({ label: Object.values(group).join(", ") || "all", title: groupText(group), spans: spansOf(steps, end) }));
  return lanes.sort((a, b) => b.spans.length - a.spans.length || a.label.localeCompare(b.label));
}

function spansOf(steps, end) {
  const spans = [];
  for (const step of steps) {
    const at = Date.parse(step.at);
    if (step.kind === "fired") {
      spans.push({ from: at, to: end, open: true, count: step.count, figure: step.figure, repeats: [] });
      continue;
    }
    // A range may begin while an alert fires already.
    if (spans.length === 0) spans.push({ from: Date.parse(step.began), to: end, open: true, count: step.count, figure: step.figure, repeats: [] });
    const span = spans[spans.length - 1];
    span.count = Math.max(span.count, step.count);
    if (step.kind === "resolved") Object.assign(span, { to: at, open: false });
    else span.repeats.push(at);
  }
  return spans;
}
