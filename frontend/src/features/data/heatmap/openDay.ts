import type { Interval } from "@/api/types";
import { INTERVALS } from "@/lib/interval";
import { useUrlState } from "@/lib/urlState";

/** A UTC day of a series. */
export type SeriesDay = { symbol: string; interval: Interval; day: string };

/** Read a day of an address: `BTCUSDT.1m.2026-01-09`; null of anything else. */
export function parseDay(text: string | null): SeriesDay | null {
  const [symbol, code, day] = text?.split(".") ?? [];
  const interval = INTERVALS.find((one) => one === code);
  if (!symbol || !interval || !day || !/^\d{4}-\d\d-\d\d$/.test(day)) return null;
  return Number.isNaN(Date.parse(`${day}T00:00:00Z`)) ? null : { symbol, interval, day };
}

/** The day whose drawer is open, which lives in the address. */
export function useOpenDay(): [SeriesDay | null, (day: SeriesDay | null) => void] {
  const [read, write] = useUrlState();
  const open = (one: SeriesDay | null) => write({ cell: one && `${one.symbol}.${one.interval}.${one.day}` });
  return [parseDay(read("cell")), open];
}

/** The day that is *steps* days away. */
export function daysAway(day: string, steps: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + steps * 86_400_000).toISOString().slice(0, 10);
}
