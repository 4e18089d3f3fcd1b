import type { CandlestickData, HistogramData, UTCTimestamp, WhitespaceData } from "lightweight-charts";
import { barsPerPixel, isCandle, thinCandles, thinVolume } from "./thin";

const MINUTE_S = 60;
const at = (place: number) => (place * MINUTE_S) as UTCTimestamp;
const candle = (place: number, close: number): CandlestickData => ({
  time: at(place),
  open: close - 1,
  high: close + place,
  low: close - 1 - place,
  close,
});
const nothing = (place: number): WhitespaceData => ({ time: at(place) });
const kept = (rows: readonly (CandlestickData | WhitespaceData)[]) =>
  rows.map((row) => (isCandle(row) ? "c" : "-")).join("");

it("counts the bars of a pixel as a power of two", () => {
  expect([6, 1, 0.9, 0.5, 0.3, 0.25, 0.16, 0.1].map((spacing) => barsPerPixel(spacing, 1))).toEqual([
    1, 1, 1, 2, 2, 4, 4, 8,
  ]);
  expect(barsPerPixel(0.25, 2)).toBe(2);
  expect(barsPerPixel(0, 1)).toBe(1);
});

it("merges candles of a group and leaves every place where it is", () => {
  const rows = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((place) => candle(place, 100 + place));
  const thinned = thinCandles(rows, 4 * MINUTE_S);
  expect(kept(thinned)).toBe("c---c---c");
  expect(thinned.map((row) => row.time)).toEqual(rows.map((row) => row.time));
  expect(thinned[0]).toEqual({ time: 0, open: 99, high: 106, low: 99, close: 103 });
  expect(thinned[8]).toEqual(rows[8]);
});

it("joins nothing across a hole, and leaves the last candle alone", () => {
  const rows = [candle(0, 100), candle(1, 90), nothing(2), candle(3, 50), candle(4, 51), candle(5, 52)];
  const thinned = thinCandles(rows, 8 * MINUTE_S);
  expect(kept(thinned)).toBe("c--c-c");
  expect(thinned[0]).toMatchObject({ close: 90, low: 88 });
  expect(thinned[3]).toMatchObject({ open: 49, close: 51 });
});

it("draws groups the same, whatever history comes before them", () => {
  const rows = [3, 4, 5, 6, 7, 8, 9].map((place) => candle(place, 100 + place));
  const alone = thinCandles(rows, 4 * MINUTE_S);
  const after = thinCandles([candle(1, 5), candle(2, 6), ...rows], 4 * MINUTE_S);
  expect(after.slice(3)).toEqual(alone.slice(1));
});

it("shows the highest volume of a group, in its colour", () => {
  const bars: HistogramData[] = [
    { time: at(0), value: 3, color: "red" },
    { time: at(1), value: 7, color: "green" },
    { time: at(2), value: 5, color: "red" },
    { time: at(3), value: 1, color: "red" },
  ];
  expect(thinVolume(bars, 4 * MINUTE_S)).toEqual([
    { time: at(0), value: 7, color: "green" },
    { time: at(1) },
    { time: at(2) },
    bars[3],
  ]);
});
