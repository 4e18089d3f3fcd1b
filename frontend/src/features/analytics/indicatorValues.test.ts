import { makeCandle, makeCandlesticks } from "@/test/candles";
import { alignCloses, alignValues } from "./indicatorValues";
import { buildSlots } from "./slots";

const MINUTE = 60_000;
const AT = Date.UTC(2026, 0, 9, 14);
const page = (times: number[], values: Record<string, (number | null)[]>) => ({
  exchange: "binance",
  symbol: "BTCUSDT",
  interval: "1m" as const,
  open_time_ms: times.map((minute) => AT + minute * MINUTE),
  values,
  volume_profile: null,
});

it("lays values beside their candles and leaves the rest empty", () => {
  const { slots } = buildSlots("1m", [makeCandlesticks(AT, 2), makeCandlesticks(AT + 3 * MINUTE, 2)], AT);
  const values = alignValues(slots, [
    page([0, 1], { "sma:2": [null, 7] }),
    undefined,
    page([3], { "sma:2": [9] }),
  ]);
  expect(values.get("sma:2")).toEqual([null, 7, null, 9, null]);
});

it("lets on-balance volume run on from page to page", () => {
  const closes = ["10", "12", "11", "11", "15"];
  const candles = closes.map((close, place) =>
    makeCandle({ open_time_ms: AT + place * MINUTE, close, volume: String(place + 1) }),
  );
  const { slots } = buildSlots("1m", [{ ...makeCandlesticks(AT, 0), candles }], AT);
  // As the API tells it: from nought on each page. Whole it is 0, +2, -3, 0, +5.
  const values = alignValues(slots, [page([0, 1], { obv: [0, 2] }), page([2, 3, 4], { obv: [0, 0, 5] })]);
  expect(values.get("obv")).toEqual([0, 2, -1, -1, 4]);
});

it("lays a second symbol's closes beside the first one's slots", () => {
  const { slots } = buildSlots("1m", [makeCandlesticks(AT, 3)], AT);
  const forming = makeCandle({ open_time_ms: AT + 2 * MINUTE, close: "99.00000000" });
  const pages = [undefined, makeCandlesticks(AT + MINUTE, 1, { forming })];
  expect(alignCloses(slots, pages)).toEqual([null, 105, 99]);
});
