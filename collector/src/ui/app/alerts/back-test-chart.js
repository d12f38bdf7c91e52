// When a rule would have fired: time from left to right, one lane for each group, a bar for each time it fired. A bar that is not over
// reaches to the right edge; marks in a bar are the times when it would have been told that it still fires.

import { html, useEffect, useRef, useState } from "../../vendor/htm-preact.module.js";
import { AXIS_FONT, colourOf, dateIn, timeLabels } from "../plot-axis.js";
import { formatDuration } from "../time.js";
import { figureText } from "./figure-text.js";
import { lanesOf } from "./firing-spans.js";
import { clock } from "./moment.js";
import { levelOfSeverity } from "./severity.js";

/** More lanes than this would be a carpet; the list below has all of them. */
const LANES_MAX = 16;
const LANE_PIXELS = 22;
const AXIS_PIXELS = 40;
const BAR_SHARE = 0.62;
/** Most alerts are short beside a week. */
const BAR_PIXELS_MIN = 3;
const LABEL_PIXELS_MAX = 170;
const LABEL_SHARE_MAX = 0.28;
const HOVER_PIXELS = 4;
/** In a narrower bar the marks would be all that is seen. */
const MARKED_PIXELS_MIN = 10;
/** The last label of the time axis is as wide as this beyond the edge. */
const LABEL_OVERHANG_PIXELS = 34;

function shortened(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width) length--;
  return `${text.slice(0, length)}…`;
}

function optionsOf({ lanes, range, severity, zone, size, onHover }) {
  const faint = colourOf("--text-faint");
  const line = colourOf("--line");
  const fill = colourOf(`--bar-${levelOfSeverity(severity === "by_level" ? "error" : (severity ?? "warning")).name}`);
  const mark = colourOf("--surface");
  const labelWidth = Math.min(LABEL_PIXELS_MAX, Math.round(size.width * LABEL_SHARE_MAX));
  return {
    ...size,
    legend: { show: false },
    padding: [4, LABEL_OVERHANG_PIXELS, 0, 0],
    tzDate: dateIn(zone),
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: true, range: () => range }, y: { range: () => [0, lanes.length] } },
    axes: [
      { stroke: faint, font: AXIS_FONT, grid: { stroke: line, width: 1 }, ticks: { show: false }, gap: 9, size: AXIS_PIXELS - 4, space: 84, values: timeLabels(zone) },
      { stroke: faint, font: AXIS_FONT, grid: { show: false }, ticks: { show: false }, size: labelWidth, gap: 8, splits: () => lanes.map((lane, index) => lanes.length - index - 0.5),
        values: (plot) => lanes.map(({ label }) => {
          plot.ctx.font = AXIS_FONT;
          return shortened(plot.ctx, label, labelWidth - 14);
        }) },
    ],
    series: [{}, { show: true, width: 0, points: { show: false } }],
    hooks: {
      draw: [({ ctx, valToPos, bbox }) => {
        const pixels = globalThis.devicePixelRatio || 1;
        lanes.forEach(({ spans }, index) => {
          const top = valToPos(lanes.length - index, "y", true);
          const height = valToPos(lanes.length - index - 1, "y", true) - top;
          ctx.fillStyle = line;
          ctx.fillRect(bbox.left, Math.round(top + height) - 1, bbox.width, 1);
          for (const { from, to, repeats } of spans) {
            const left = Math.max(bbox.left, valToPos(from / 1000, "x", true));
            const right = Math.max(left + BAR_PIXELS_MIN * pixels, valToPos(to / 1000, "x", true));
            ctx.fillStyle = fill;
            ctx.fillRect(left, top + (height * (1 - BAR_SHARE)) / 2, right - left, height * BAR_SHARE);
            if (right - left < MARKED_PIXELS_MIN * pixels) continue;
            ctx.fillStyle = mark;
            for (const at of repeats) ctx.fillRect(valToPos(at / 1000, "x", true), top + height * 0.3, 1.5 * pixels, height * 0.4);
          }
        });
      }],
      setCursor: [(plot) => {
        const { left, top } = plot.cursor;
        if (left < 0) return onHover(null);
        const lane = lanes[Math.floor((top / plot.over.clientHeight) * lanes.length)];
        const near = (plot.posToVal(HOVER_PIXELS, "x") - plot.posToVal(0, "x")) * 1000;
        const time = plot.posToVal(left, "x") * 1000;
        const span = lane?.spans.find(({ from, to }) => from - near <= time && time <= to + near);
        return onHover(span ? { lane, span } : null);
      }],
    },
  };
}

export function BackTestChart({ answer, severity, zone }) {
  const box = useRef(null);
  const [hovered, setHovered] = useState(null);
  const all = lanesOf(answer);
  const lanes = all.slice(0, LANES_MAX);
  const height = lanes.length * LANE_PIXELS + AXIS_PIXELS;
  useEffect(() => {
    const range = [Date.parse(answer.from) / 1000, Date.parse(answer.to) / 1000];
    let plot = null;
    let width = 0;
    const draw = () => {
      plot?.destroy();
      width = box.current.clientWidth;
      plot = new globalThis.uPlot(optionsOf({ lanes, range, severity, zone, size: { width, height }, onHover: setHovered }), [range, [null, null]], box.current);
    };
    draw();
    // The labels' share of the width changes with it.
    const observer = new ResizeObserver(() => box.current.clientWidth !== width && draw());
    observer.observe(box.current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", draw);
      plot.destroy();
    };
  }, [answer, severity, zone]);
  const shown = all.length > lanes.length ? `The ${lanes.length} groups of ${all.length} that fired most often. ` : "";
  const fired = lanes.reduce((sum, { spans }) => sum + spans.length, 0);
  return html`
    <div class="back-test-plot" ref=${box} data-testid="back-test-chart" style=${`height: ${height}px`} role="img"
      aria-label=${`Fired ${fired} times in ${lanes.length} ${lanes.length === 1 ? "lane" : "lanes"}; the list below has the times`}></div>
    <p class="back-test-hover faint number">${hovered ? words(hovered, zone) : `${shown}Point at a bar to read it.`}</p>`;
}

function words({ lane, span }, zone) {
  const from = new Date(span.from).toISOString();
  const end = span.open ? "and was not over" : `for ${formatDuration(Math.max(1, span.to - span.from))}`;
  return [lane.title, `fired ${clock(from, zone)} ${end}`, figureText(span.figure, zone), span.repeats.length > 0 && `told ${span.repeats.length} more times`].filter(Boolean).join(" · ");
}
