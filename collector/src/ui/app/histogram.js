// The distribution over time as bars stacked by level, the gravest at the bottom. Dragging over it chooses a time range. One error
// among thousands would be thinner than a pixel, so every bucket that holds one also has a mark below the bars.

import { html, useRef, useEffect, useState } from "../vendor/htm-preact.module.js";
import { LEVELS, ERROR, LevelMark } from "./levels.js";
import { formatCount } from "./count.js";
import { formatDate, formatClock, formatDuration } from "./time.js";
import { AXIS_FONT, colourOf, dateIn, timeLabels } from "./plot-axis.js";

const DRAG_PIXELS_MIN = 4;
const MARK_PIXELS = 3;
const BAR_SHARE = 0.86;
const BAR_PIXELS_MAX = 60;
const STACK = [...LEVELS].reverse();

/** Columns for uPlot: time, then per level the height of the stack up to and including it. */
function columnsOf(distribution) {
  const times = Array.from({ length: distribution.length }, (_, bucket) => distribution.timeOf(bucket) / 1000);
  const stacked = new Array(times.length).fill(0);
  const columns = STACK.map(({ value }) => {
    for (let bucket = 0; bucket < stacked.length; bucket++) stacked[bucket] += distribution.of(value, bucket);
    return stacked.slice();
  });
  // Drawn from the tallest to the shortest, each over the one before.
  return [times, ...columns.reverse()];
}

function optionsOf({ zone, size, current, onZoom, onHover }) {
  const faint = colourOf("--text-faint");
  const line = colourOf("--line");
  const font = AXIS_FONT;
  const bars = globalThis.uPlot.paths.bars({ align: 1, size: [BAR_SHARE, BAR_PIXELS_MAX] });
  return {
    ...size,
    legend: { show: false },
    padding: [6, 8, 0, 0],
    tzDate: dateIn(zone),
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: () => [current().timeOf(0) / 1000, current().timeOf(current().length) / 1000] },
      y: { range: (plot, low, high) => [0, Math.max(1, high)] },
    },
    axes: [
      { stroke: faint, font, grid: { show: false }, ticks: { show: false }, gap: 9, size: 38, space: 84, values: timeLabels(zone) },
      { stroke: faint, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, size: 46, space: 24, gap: 6, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 1e8],
        values: (plot, splits) => splits.map((count) => Intl.NumberFormat("en", { notation: "compact" }).format(count)) },
    ],
    series: [{}, ...LEVELS.map(({ name }) => ({ paths: bars, points: { show: false }, width: 0, fill: colourOf(`--bar-${name}`) }))],
    hooks: {
      setSelect: [(plot) => {
        const { left, width } = plot.select;
        if (width >= DRAG_PIXELS_MIN) onZoom(plot.posToVal(left, "x") * 1000, plot.posToVal(left + width, "x") * 1000);
        plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      }],
      setCursor: [(plot) => {
        const { left } = plot.cursor;
        const distribution = current();
        const bucket = left < 0 ? -1 : Math.floor((plot.posToVal(left, "x") * 1000 - distribution.start) / distribution.width);
        onHover(bucket >= 0 && bucket < distribution.length ? bucket : -1);
      }],
      draw: [(plot) => {
        const distribution = current();
        const pixels = globalThis.devicePixelRatio || 1;
        const width = Math.min(BAR_PIXELS_MAX * pixels, Math.max(2 * pixels, (plot.bbox.width / distribution.length) * BAR_SHARE));
        plot.ctx.fillStyle = colourOf("--bar-ERROR");
        for (let bucket = 0; bucket < distribution.length; bucket++) {
          if (!LEVELS.some(({ value }) => value >= ERROR && distribution.of(value, bucket))) continue;
          const left = plot.valToPos(distribution.timeOf(bucket) / 1000, "x", true);
          plot.ctx.fillRect(left, plot.bbox.top + plot.bbox.height + pixels, width, MARK_PIXELS * pixels);
        }
      }],
    },
  };
}

/** `children`: what stands before the counts in the line below the bars. */
export function Histogram({ distribution, version, zone, onZoom, children }) {
  const box = useRef(null);
  const plot = useRef(null);
  const latest = useRef({});
  const [hovered, setHovered] = useState(-1);
  latest.current = { distribution, onZoom };

  useEffect(() => {
    const sizeOf = () => ({ width: box.current.clientWidth, height: box.current.clientHeight });
    const draw = () => {
      plot.current?.destroy();
      const options = optionsOf({
        zone,
        size: sizeOf(),
        current: () => latest.current.distribution,
        onZoom: (from, to) => latest.current.onZoom(from, to),
        onHover: setHovered,
      });
      plot.current = new globalThis.uPlot(options, columnsOf(latest.current.distribution), box.current);
    };
    draw();
    const observer = new ResizeObserver(() => plot.current?.setSize(sizeOf()));
    observer.observe(box.current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [zone]);

  useEffect(() => plot.current?.setData(columnsOf(distribution)), [distribution, version]);

  return html`
    <section class="histogram" aria-label="Events over time">
      <div class="histogram-plot" ref=${box} role="img" aria-label=${spoken(distribution, zone)}></div>
      <div class="summary">${children}<${Legend} distribution=${distribution} bucket=${hovered} zone=${zone} /></div>
    </section>`;
}

/** The counts by level: of the bucket under the pointer, else of everything. */
function Legend({ distribution, bucket, zone }) {
  const countOf = ({ value }) => (bucket < 0 ? distribution.totalOf(value) : distribution.of(value, bucket));
  const levels = LEVELS.filter((level) => distribution.totalOf(level.value) > 0);
  const time = distribution.timeOf(bucket);
  return html`
    <div class="legend">
      <span class="legend-time">${bucket < 0
        ? `${formatDuration(distribution.width)} per bar · drag to zoom`
        : `${formatDate(time, zone)} ${formatClock(time, zone, "seconds")} + ${formatDuration(distribution.width)}`}</span>
      ${levels.map((level) => html`<span class="legend-level" key=${level.name}><${LevelMark} level=${level} /> <span class="number">${formatCount(countOf(level))}</span></span>`)}
    </div>`;
}

function spoken(distribution, zone) {
  const ends = [0, distribution.length].map((bucket) => `${formatDate(distribution.timeOf(bucket), zone)} ${formatClock(distribution.timeOf(bucket), zone)}`);
  const counts = LEVELS.map((level) => [level.name, distribution.totalOf(level.value)]).filter(([, count]) => count > 0);
  return `Events from ${ends[0]} to ${ends[1]}: ${counts.map(([name, count]) => `${count} ${name}`).join(", ")}`;
}
