/** Slots as the series of Lightweight Charts take them. Its times are seconds. */
import type {
  CandlestickData,
  HistogramData,
  LineData,
  SeriesMarker,
  Time,
  UTCTimestamp,
  WhitespaceData,
} from "lightweight-charts";
import type { Hole, Interval } from "@/api/types";
import { floorOpen } from "@/lib/interval";
import { placeOf, type Slot } from "../slots";
import { type Colours, faded } from "./colours";
import type { Band } from "./gapBands";
import { isCandle } from "./thin";

export const secondsOf = (ms: number) => Math.floor(ms / 1000) as UTCTimestamp;

export function candleOf(slot: Slot, colours: Colours): CandlestickData | WhitespaceData {
  const time = secondsOf(slot.ms);
  if (!slot.candle) return { time };
  const { open, high, low, close } = slot.candle;
  const bar = { time, open: Number(open), high: Number(high), low: Number(low), close: Number(close) };
  if (!slot.isForming) return bar;
  // Hollow and dimmed: it is no fact yet.
  const colour = bar.close >= bar.open ? colours.up : colours.down;
  return { ...bar, color: "transparent", borderColor: faded(colour, 0.75), wickColor: faded(colour, 0.75) };
}

export function volumeOf(slot: Slot, colours: Colours): HistogramData | WhitespaceData {
  const time = secondsOf(slot.ms);
  if (!slot.candle) return { time };
  const isUp = Number(slot.candle.close) >= Number(slot.candle.open);
  const colour = faded(isUp ? colours.up : colours.down, slot.isForming ? 0.2 : 0.38);
  return { time, value: Number(slot.candle.volume), color: colour };
}

/** Values beside the slots. A line would run on across what is missing: there it is drawn in no colour. */
export function linesOf(
  slots: readonly Slot[],
  values: readonly (number | null)[],
): (LineData | WhitespaceData)[] {
  const last = values.findLastIndex((value) => value != null);
  return slots.map((slot, place) => {
    const time = secondsOf(slot.ms);
    const value = values[place];
    if (value == null) return { time };
    const isEdge = place < last && values[place + 1] == null;
    return isEdge ? { time, value, color: "transparent" } : { time, value };
  });
}

export function bandsOf(interval: Interval, slots: readonly Slot[], holes: readonly Hole[]): Band[] {
  return holes.flatMap((hole) => {
    const first = Math.max(0, placeOf(slots, floorOpen(interval, hole.start_ms)));
    const last = placeOf(slots, hole.end_ms - 1);
    return last < first ? [] : [{ first, last, label: hole.why }];
  });
}

/** Marks of what was amended, each at the bar that it is drawn in; *rows* stand beside the slots. */
export function restatedMarks(
  slots: readonly Slot[],
  rows: readonly (CandlestickData | WhitespaceData)[],
  colours: Colours,
): SeriesMarker<Time>[] {
  const times = new Set<Time>();
  let drawnAt: Time | null = null;
  for (const [place, row] of rows.entries()) {
    if (isCandle(row)) drawnAt = row.time;
    if (slots[place]?.isRestated && drawnAt !== null) times.add(drawnAt);
  }
  return [...times].map((time) => ({
    time,
    position: "aboveBar",
    shape: "arrowDown",
    color: colours.info,
    size: 0.7,
  }));
}
