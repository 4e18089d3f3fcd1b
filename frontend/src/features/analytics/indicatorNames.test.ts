import { faultOf, formatIndicators, parseIndicators, titleOf } from "./indicatorNames";

it("reads indicators from an address and writes them back with all their numbers", () => {
  const read = parseIndicators("sma:50,rsi,macd:5:35:5,bollinger:20:2.5");
  expect(read.map(titleOf)).toEqual(["SMA 50", "RSI 14", "MACD 5 35 5", "Bollinger 20 2.5"]);
  expect(formatIndicators(read)).toBe("sma:50,rsi:14,macd:5:35:5,bollinger:20:2.5");
});

it.each([
  "",
  null,
  "nonsense",
  "rsi:0",
  "rsi:1.5",
  "rsi:501",
  "macd:26:12:9",
  "sma:1:2",
  "rsi:x",
  "toString",
])("leaves out what cannot be computed: %s", (text) => expect(parseIndicators(text)).toEqual([]));

it("shows an indicator once, however often it is named", () => {
  expect(formatIndicators(parseIndicators("rsi,rsi:14,rsi:21"))).toBe("rsi:14,rsi:21");
});

it("says what is wrong with numbers", () => {
  expect(faultOf({ kind: "rsi", numbers: [0] })).toBe("Period: a whole number of 1 to 500");
  expect(faultOf({ kind: "bollinger", numbers: [20, 0.5] })).toBeNull();
  expect(faultOf({ kind: "macd", numbers: [9, 9, 9] })).toBe("Fast has to be shorter than Slow");
});
