import { makeSeries } from "@/test/factories";
import { filterRows, groupRows, keyOf } from "./rows";

const btc = makeSeries({ freshness: "stale", missing_candles: 5, gaps: 0 });
const btcHours = makeSeries({ interval: "1h", missing_candles: 0, gaps: 0, keep_days: 0 });
const eth = makeSeries({
  symbol: "ETHUSDT",
  freshness: "aging",
  missing_candles: 50,
  gaps: 2,
  keep_days: 30,
});
const sol = makeSeries({ symbol: "SOLUSDT", freshness: null, missing_candles: 1, gaps: 0, record_count: 0 });
const rows = [sol, btcHours, eth, btc];
const all = { search: "", freshness: "all", onlyGaps: false } as const;

const names = (some: readonly { symbol: string; interval: string }[]) =>
  some.map((row) => `${row.symbol} ${row.interval}`);
const grouped = (...how: [Parameters<typeof groupRows>[1], boolean]) =>
  groupRows(rows, ...how).map((group) => group.rows.map(keyOf));

it.each([
  [{ ...all, search: "btc" }, ["BTCUSDT 1h", "BTCUSDT 1m"]],
  [{ ...all, search: " btc 1M " }, ["BTCUSDT 1m"]],
  [{ ...all, search: "usdt 1h" }, ["BTCUSDT 1h"]],
  [{ ...all, freshness: "stale" as const }, ["BTCUSDT 1m"]],
  [{ ...all, freshness: "none" as const }, ["SOLUSDT 1m"]],
  [{ ...all, onlyGaps: true }, ["ETHUSDT 1m"]],
  [{ ...all, search: "doge" }, []],
])("finds by %j", (filter, found) => expect(names(filterRows(rows, filter))).toEqual(found));

it("keeps the series of a symbol together, the shortest first", () => {
  expect(grouped("symbol", false)).toEqual([["BTCUSDT 1m", "BTCUSDT 1h"], ["ETHUSDT 1m"], ["SOLUSDT 1m"]]);
});

it("orders symbols by the series of each that comes first", () => {
  expect(grouped("missing", true)).toEqual([["ETHUSDT 1m"], ["BTCUSDT 1m", "BTCUSDT 1h"], ["SOLUSDT 1m"]]);
});

it("puts what has no value last either way", () => {
  expect(grouped("freshness", false).at(-1)).toEqual(["SOLUSDT 1m"]);
  expect(grouped("freshness", true).at(-1)).toEqual(["SOLUSDT 1m"]);
});

it("holds for ever to be longer than any number of days", () => {
  expect(grouped("kept", true).flat().slice(0, 2)).toEqual(["BTCUSDT 1h", "BTCUSDT 1m"]);
});
