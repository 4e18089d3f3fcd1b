/** Values of indicators, put together from pages and laid beside the slots of the chart. */
import type { Candlesticks, Indicators } from "@/api/types";
import type { Values } from "./chart/lines";
import type { Slot } from "./slots";

/** Lay all values beside *slots*: one list a name, null where there is no candle or too few came before. */
export function alignValues(slots: readonly Slot[], pages: readonly (Indicators | undefined)[]): Values {
  const places = new Map(slots.map((slot, place) => [slot.ms, place]));
  const found = new Map<string, (number | null)[]>();
  for (const page of pages) {
    for (const [name, values] of Object.entries(page?.values ?? {})) {
      const list = found.get(name) ?? new Array<number | null>(slots.length).fill(null);
      found.set(name, list);
      const offset = name.startsWith("obv") ? obvOffset(slots, places, page, list) : 0;
      for (const [at, value] of values.entries()) {
        const place = places.get(page?.open_time_ms[at] ?? -1);
        if (place !== undefined && value !== null) list[place] = value + offset;
      }
    }
  }
  return found;
}

/** On-balance volume begins at nought on each page: what it had come to on the page before is added. */
function obvOffset(
  slots: readonly Slot[],
  places: ReadonlyMap<number, number>,
  page: Indicators | undefined,
  sofar: readonly (number | null)[],
): number {
  const place = places.get(page?.open_time_ms[0] ?? -1);
  if (place === undefined) return 0;
  let before = place - 1;
  while (before >= 0 && sofar[before] == null) before -= 1;
  const [first, last] = [slots[place]?.candle, slots[before]?.candle];
  if (!first || !last) return 0;
  const step = Math.sign(Number(first.close) - Number(last.close)) * Number(first.volume);
  return (sofar[before] ?? 0) + step;
}

/** A second symbol's closes beside the slots of the first one. */
export function alignCloses(
  slots: readonly Slot[],
  pages: readonly (Candlesticks | undefined)[],
): (number | null)[] {
  const closes = new Map<number, number>();
  for (const page of pages) {
    for (const candle of page?.candles ?? []) closes.set(candle.open_time_ms, Number(candle.close));
    if (page?.forming) closes.set(page.forming.open_time_ms, Number(page.forming.close));
  }
  return slots.map(({ ms }) => closes.get(ms) ?? null);
}
