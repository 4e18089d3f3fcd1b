/** Which history: presets or days of one's own, in UTC. */
import type { History, HistoryWanted, Interval } from "@/api/types";

export const DAY_MS = 86_400_000;

export const HISTORIES: readonly { value: History; label: string; days: number | null }[] = [
  { value: "30d", label: "30 days", days: 30 },
  { value: "60d", label: "60 days", days: 60 },
  { value: "90d", label: "90 days", days: 90 },
  { value: "1y", label: "A year", days: 365 },
  { value: "all", label: "All there is", days: null },
];

/** Before any exchange of crypto currencies; where a symbol was listed later, the plan begins there by itself. */
export const BEFORE_ALL = "2010-01-01T00:00:00Z";

/** *from* and *to* are days like `2026-01-09`, both included, read where *preset* is `custom`. */
export type Range = { preset: History | "custom"; from: string | null; to: string | null };

type Bounds = { start: number | string; end?: number };

/** Return what a plan is asked for, or null where the days do not make a range. An end left out is now. */
export function boundsOf(range: Range, nowMs: number): Bounds | null {
  if (range.preset === "custom") {
    if (!range.from) return null;
    const start = dayMs(range.from);
    const end = range.to ? dayMs(range.to) + DAY_MS : null;
    if (start >= nowMs || (end !== null && end <= start)) return null;
    return end === null || end >= nowMs ? { start } : { start, end };
  }
  const days = HISTORIES.find((one) => one.value === range.preset)?.days ?? null;
  return { start: days === null ? BEFORE_ALL : nowMs - days * DAY_MS };
}

function dayMs(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

/** Return what to ask a plan for; null while something of it is not chosen yet. */
export function wantedHistory(
  symbols: readonly string[],
  intervals: readonly Interval[],
  range: Range,
  nowMs: number,
): HistoryWanted | null {
  const bounds = boundsOf(range, nowMs);
  if (symbols.length === 0 || intervals.length === 0 || bounds === null) return null;
  return { symbols: [...symbols], intervals: [...intervals], ...bounds };
}
