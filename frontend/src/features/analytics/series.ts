/** What is kept of a symbol, and which charts that makes. */
import type { Interval, SymbolRow } from "@/api/types";
import { priceDigits } from "@/lib/format";
import { feeding } from "@/lib/interval";
import { CHART_INTERVALS } from "./view";

export function storedOf(symbol: SymbolRow): Interval[] {
  return symbol.series.map((one) => one.interval);
}

export function makeableOf(symbol: SymbolRow): Interval[] {
  const stored = storedOf(symbol);
  return CHART_INTERVALS.filter((one) => feeding(stored, one).length > 0);
}

/** Where history begins that a chart of *interval* can show: what is held or wanted; null where nothing is. */
export function firstMsOf(symbol: SymbolRow, interval: Interval): number | null {
  const parts = feeding(storedOf(symbol), interval);
  const times = symbol.series
    .filter((one) => parts.includes(one.interval))
    .flatMap((one) => [one.first_open_ms, one.wanted_from_ms])
    .filter((ms) => ms !== null);
  return times.length > 0 ? Math.min(...times) : null;
}

/** How many digits after the point its prices have: those of its tick, as far as that is known. */
export function digitsOf({ tick_size, last_price }: SymbolRow): number {
  if (tick_size === null) return priceDigits(Number(last_price ?? 1));
  return tick_size.replace(/0+$/, "").split(".")[1]?.length ?? 0;
}
