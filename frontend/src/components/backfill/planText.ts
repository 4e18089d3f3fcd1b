/** A plan in words: what is worth knowing before it is started. */
import type { Plan, SeriesPlan } from "@/api/types";
import { count, plural } from "@/lib/format";

/** More at once is more likely a slip than meant: the API wants it said twice. */
export const MOST_CANDLES = 20_000_000;

export function needsYes(plan: Plan): boolean {
  return plan.candles > MOST_CANDLES;
}

/** What is there already, or is not to be had, over all series. */
export function sumUp(plan: Plan): { held: number; empty: number; underWay: number; unavailable: string[] } {
  const sum = (of: (one: SeriesPlan) => number) => plan.series.reduce((total, one) => total + of(one), 0);
  return {
    held: sum((one) => one.held),
    empty: sum((one) => one.empty),
    underWay: sum((one) => one.under_way),
    unavailable: plan.series
      .filter((one) => one.start_ms === null)
      .map((one) => `${one.symbol} ${one.interval}`),
  };
}

/** Why there is nothing to fetch, null where there is something. */
export function nothingToDo(plan: Plan): string | null {
  if (plan.candles > 0) return null;
  const { held, underWay, unavailable } = sumUp(plan);
  if (unavailable.length === plan.series.length) return "The exchange has no candles of these in that time.";
  if (underWay > 0) return "All of it is held or on its way already.";
  return held > 0 ? "All of it is held already." : "The exchange does not have any of it.";
}

/** `43,200 candles of 2 series in 44 requests`. */
export function planLine(plan: Plan): string {
  return `${plural(plan.candles, "candle")} of ${count(plan.total_combinations)} series in ${plural(plan.requests, "request")}`;
}
