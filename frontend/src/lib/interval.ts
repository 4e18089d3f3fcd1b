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

/** The open_time of the candle that a time falls in: weeks open on a Monday, all else counts from 1970. */
export function floorOpen(interval: Interval, ms: number): number {
  if (interval === "1M") {
    const at = new Date(ms);
    return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1);
  }
  const origin = interval === "1w" ? FIRST_MONDAY_MS : 0;
  return ms - ((ms - origin) % roughMs(interval));
}

const FIRST_MONDAY_MS = 4 * 86_400_000;

/** Whether candles of *whole* can be put together from those of *part*, as the API does it for charts. */
export function divides(part: Interval, whole: Interval): boolean {
  if (part === whole || part === "1M") return false;
  if (whole === "1M") return 86_400_000 % roughMs(part) === 0;
  return roughMs(whole) % roughMs(part) === 0 && floorOpen(whole, 0) % roughMs(part) === 0;
}

/** Which of the stored intervals candles of *interval* are drawn from, the coarsest first. */
export function feeding(stored: readonly Interval[], interval: Interval): Interval[] {
  const parts = stored.filter((one) => one === interval || divides(one, interval));
  return parts.sort((one, other) => roughMs(other) - roughMs(one));
}
