import type { CheckedGaps, SeriesStatus } from "@/api/types";
import { count, plural } from "@/lib/format";
import { duration } from "@/lib/time";

/** How far the end of the newest candle, at *endMs*, lies behind. */
export function lagText(endMs: number, nowMs: number): string {
  const lagMs = nowMs - endMs;
  return lagMs > 0 ? `It closed ${duration(lagMs)} ago` : "It has just closed";
}

/** For how long a series is kept. */
export function keptText(row: Pick<SeriesStatus, "keep_days">): string {
  if (row.keep_days === null) return "as set";
  return row.keep_days === 0 ? "for ever" : plural(row.keep_days, "day");
}

/** What is missing, told apart: gaps, and the end that is still to come. */
export function missingText(row: Pick<SeriesStatus, "missing_candles" | "lag_candles">): string {
  if (row.missing_candles === 0) return "Nothing is missing";
  const inside = row.missing_candles - row.lag_candles;
  if (row.lag_candles === 0) return `${plural(inside, "candle")} missing within`;
  return `${count(inside)} missing within, ${count(row.lag_candles)} at the end, still to come`;
}

/** What a look for gaps found: `Looked at 8 series: 2 new gaps, 1 filled since; 4 open, 90 candles short.` */
export function checkedText(found: CheckedGaps): string {
  const news = [plural(found.detected, "new gap")];
  if (found.filled > 0) news.push(`${count(found.filled)} filled since`);
  if (found.reopened > 0) news.push(`${count(found.reopened)} open again`);
  const open =
    found.open === 0
      ? "none is open"
      : `${count(found.open)} open, which lack ${plural(found.missing, "candle")}`;
  const lag =
    found.lag_candles === 0
      ? ""
      : ` At the ends of series ${plural(found.lag_candles, "candle")} are still to come.`;
  return `Looked at ${plural(found.series, "series", "series")}: ${news.join(", ")}; ${open}.${lag}`;
}
