/** Which rows are selected, by their keys, and what is asked of the API for them. Pure. */
import type { Interval, SeriesStatus } from "@/api/types";

export type Selection = ReadonlySet<string>;

/** What one call is about: each of the symbols at each of the intervals; all where a list is left out. */
export type Target = { symbols?: string[]; intervals?: Interval[] };

export const EVERYTHING: Target = {};

/** Select *keys*, or let go of them. */
export function choose(selection: Selection, keys: readonly string[], isOn: boolean): Selection {
  const after = new Set(selection);
  for (const key of keys) {
    if (isOn) after.add(key);
    else after.delete(key);
  }
  return after;
}

/** The keys from *from* to *to* as they are shown, ends included; *to* alone where *from* is not shown. */
export function between(shown: readonly string[], from: string | null, to: string): string[] {
  const [start, end] = [from === null ? -1 : shown.indexOf(from), shown.indexOf(to)];
  if (start < 0 || end < 0) return [to];
  return shown.slice(Math.min(start, end), Math.max(start, end) + 1);
}

/** How much of *keys* is selected. */
export function amountOf(selection: Selection, keys: readonly string[]): "all" | "some" | "none" {
  const count = keys.filter((key) => selection.has(key)).length;
  if (count === 0) return "none";
  return count === keys.length ? "all" : "some";
}

/**
 * Fold series into as few targets as say exactly these: symbols that have the same intervals go together.
 * Series that nobody tracks are left out: the API would refuse them.
 */
export function targetsOf(rows: readonly SeriesStatus[]): Target[] {
  const bySymbol = new Map<string, Interval[]>();
  for (const row of rows.filter((one) => one.tracked)) {
    bySymbol.set(row.symbol, [...(bySymbol.get(row.symbol) ?? []), row.interval]);
  }
  const targets = new Map<string, Required<Target>>();
  for (const [symbol, unsorted] of bySymbol) {
    const intervals = unsorted.toSorted();
    const target = targets.get(intervals.join());
    if (target) target.symbols.push(symbol);
    else targets.set(intervals.join(), { symbols: [symbol], intervals });
  }
  return [...targets.values()];
}
