import type { SymbolRow } from "@/api/types";
import { digitsOf, firstMsOf, makeableOf } from "./series";

type Series = SymbolRow["series"][number];
const series = (interval: Series["interval"], over: Partial<Series> = {}): Series => ({
  interval,
  tracked: true,
  tier: "TIER4",
  candles: 10,
  first_open_ms: 2_000,
  last_open_ms: 9_000,
  wanted_from_ms: 3_000,
  keep_days: null,
  ...over,
});
const symbol = (rows: Series[], over: Partial<SymbolRow> = {}) =>
  ({ symbol: "BTCUSDT", tick_size: "0.01000000", last_price: "5", series: rows, ...over }) as SymbolRow;

it("knows which charts what is kept makes", () => {
  expect(makeableOf(symbol([series("1h")]))).toEqual([
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
  ]);
  expect(makeableOf(symbol([]))).toEqual([]);
});

it("lets history begin where anything is held or wanted that feeds the chart", () => {
  const rows = [series("1m"), series("1h", { first_open_ms: 500, wanted_from_ms: 700 })];
  expect(firstMsOf(symbol(rows), "5m")).toBe(2_000);
  expect(firstMsOf(symbol(rows), "4h")).toBe(500);
  expect(firstMsOf(symbol([series("1m", { first_open_ms: null, wanted_from_ms: null })]), "1m")).toBeNull();
});

it("shows prices with the digits of their tick", () => {
  expect(digitsOf(symbol([]))).toBe(2);
  expect(digitsOf(symbol([], { tick_size: "1.00000000" }))).toBe(0);
  expect(digitsOf(symbol([], { tick_size: "0.00000001" }))).toBe(8);
  expect(digitsOf(symbol([], { tick_size: null }))).toBe(4);
});
