import type { Interval } from "@/api/types";

export const INTERVALS: readonly Interval[] = [
  "1s",
  "1m",
  "3m",
  "5m",
  "15m",
  "30m",
  "1h",
  "2h",
  "4h",
  "6h",
  "8h",
  "12h",
  "1d",
  "3d",
  "1w",
  "1M",
];

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** How long an interval is; a month has no fixed length, 30 days stand for it: only to choose ranges by. */
export function roughMs(interval: Interval): number {
  if (interval === "1M") return 30 * 86_400_000;
  return Number.parseInt(interval, 10) * (UNIT_MS[interval.at(-1) ?? ""] ?? 0);
}

/** The open_time of the candle after the one that opened at *openMs*, by UTC's calendar for months. */
export function nextOpen(interval: Interval, openMs: number): number {
  if (interval !== "1M") return openMs + roughMs(interval);
  const opened = new Date(openMs);
  return Date.UTC(opened.getUTCFullYear(), opened.getUTCMonth() + 1, 1);
}
