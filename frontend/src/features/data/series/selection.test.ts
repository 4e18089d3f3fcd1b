import { makeSeries } from "@/test/factories";
import { amountOf, between, choose, targetsOf } from "./selection";

it("selects and lets go", () => {
  const one = choose(new Set(["a"]), ["b", "c"], true);
  expect([...choose(one, ["a", "c"], false)]).toEqual(["b"]);
});

it.each([
  ["b", "d", ["b", "c", "d"]],
  ["d", "b", ["b", "c", "d"]],
  [null, "b", ["b"]],
  ["hidden", "b", ["b"]],
])("a range from %s to %s is %j", (from, to, keys) => {
  expect(between(["a", "b", "c", "d"], from, to)).toEqual(keys);
});

it("knows how much of some keys is selected", () => {
  const selection = new Set(["a", "b"]);
  expect([["a", "b"], ["a", "c"], ["c"], []].map((keys) => amountOf(selection, keys))).toEqual([
    "all",
    "some",
    "none",
    "none",
  ]);
});

it("asks for exactly what is selected, in few calls", () => {
  const series = (symbol: string, interval: "1m" | "1h", tracked = true) =>
    makeSeries({ symbol, interval, tracked });
  expect(
    targetsOf([
      series("BTCUSDT", "1m"),
      series("BTCUSDT", "1h"),
      series("ETHUSDT", "1h"),
      series("SOLUSDT", "1h"),
      series("SOLUSDT", "1m"),
      series("XRPUSDT", "1h"),
      series("ADAUSDT", "1m", false),
    ]),
  ).toEqual([
    { symbols: ["BTCUSDT", "SOLUSDT"], intervals: ["1h", "1m"] },
    { symbols: ["ETHUSDT", "XRPUSDT"], intervals: ["1h"] },
  ]);
});
