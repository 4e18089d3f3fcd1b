/** What is looked at, as the page's address holds it. */
import type { Interval } from "@/api/types";
import { INTERVALS, roughMs } from "@/lib/interval";
import { oneOf } from "@/lib/urlState";
import { type Indicator, parseIndicators } from "./indicatorNames";
import type { Span } from "./pages";

const DAY_MS = 86_400_000;
export const RANGES = ["1D", "1W", "1M", "3M", "1Y", "All"] as const;
export type Range = (typeof RANGES)[number];
export const SCALES = ["linear", "log", "percent"] as const;
export type Scale = (typeof SCALES)[number];

/** The intervals that a chart can be asked for; what is stored decides which of them can be made. */
export const CHART_INTERVALS = INTERVALS;

const RANGE_DAYS: Record<Range, number> = { "1D": 1, "1W": 7, "1M": 30, "3M": 91, "1Y": 365, All: Infinity };

export type View = {
  symbol: string | null;
  interval: Interval;
  range: Range;
  /** A span chosen by hand, instead of a range that ends now. */
  hand: Span | null;
  indicators: Indicator[];
  compare: string | null;
  scale: Scale;
};

export function readView(read: (name: string) => string | null): View {
  return {
    symbol: read("symbol")?.toUpperCase() ?? null,
    interval: oneOf(CHART_INTERVALS, read("interval"), "5m"),
    range: oneOf(RANGES, read("range"), "1D"),
    hand: readSpan(read("from"), read("to")),
    indicators: parseIndicators(read("indicators")),
    compare: read("compare")?.toUpperCase() ?? null,
    scale: oneOf(SCALES, read("scale"), "linear"),
  };
}

function readSpan(from: string | null, to: string | null): Span | null {
  const [fromMs, toMs] = [Date.parse(withZone(from)), Date.parse(withZone(to))];
  return fromMs < toMs ? { fromMs, toMs } : null;
}

const withZone = (time: string | null) =>
  time && !/(Z|[+-]\d\d:\d\d)$/.test(time) ? `${time}Z` : (time ?? "");

/** `2026-01-09T14:30Z`: as short as an address wants it. */
export function writeTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

/** What a range shows; *firstMs* is where all that is kept begins. */
export function spanOf(range: Range, firstMs: number, nowMs: number): Span {
  const fromMs = Math.max(firstMs, nowMs - RANGE_DAYS[range] * DAY_MS);
  return { fromMs: range === "All" ? firstMs : fromMs, toMs: nowMs };
}

const FEWEST_BARS = 20;
const MOST_BARS = 3_000;
const GOOD_BARS = 400;

const barsIn = (span: Span, interval: Interval) => (span.toMs - span.fromMs) / roughMs(interval);
const isReadable = (bars: number) => bars >= FEWEST_BARS && bars <= MOST_BARS;

/** The interval to show a span in: the present one where that can be read, else the one that shows it best. */
export function intervalFor(span: Span, present: Interval, makeable: readonly Interval[]): Interval {
  if (makeable.includes(present) && isReadable(barsIn(span, present))) return present;
  const far = (one: Interval) => Math.abs(Math.log(barsIn(span, one) / GOOD_BARS));
  return makeable.toSorted((one, other) => far(one) - far(other))[0] ?? present;
}

/** The range to show an interval in: the present one where that can be read, else the one that suits it best. */
export function rangeFor(interval: Interval, present: Range, firstMs: number, nowMs: number): Range {
  const bars = (range: Range) => barsIn(spanOf(range, firstMs, nowMs), interval);
  if (isReadable(bars(present))) return present;
  const far = (one: Range) => Math.abs(Math.log(bars(one) / GOOD_BARS));
  return RANGES.toSorted((one, other) => far(one) - far(other))[0] ?? present;
}
