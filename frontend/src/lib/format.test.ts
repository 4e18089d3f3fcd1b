import { bytes, exact, pace, percent, plural, price, share } from "./format";

describe("amounts", () => {
  it.each([
    ["41801.00000000", "41,801"],
    ["0.00001230", "0.0000123"],
    ["-1234567.5", "-1,234,567.5"],
    ["123456789012.12345678", "123,456,789,012.12345678"],
    [null, "–"],
  ])("shows %s exactly as %s", (amount, shown) => expect(exact(amount)).toBe(shown));

  it.each([
    ["41801.12345678", "41,801.12"],
    ["2.34567", "2.3457"],
    ["0.00012345", "0.00012345"],
    ["0", "0.00"],
  ])("shortens the price %s to %s", (amount, shown) => expect(price(amount)).toBe(shown));

  it("gives a change its sign", () => {
    expect(percent("1.234")).toBe("+1.23 %");
    expect(percent(-0.5)).toBe("−0.50 %");
    expect(percent(0)).toBe("0.00 %");
  });
});

it("never rounds a share up to all or down to nothing", () => {
  expect(share(0.9999999)).toBe("99.99 %");
  expect(share(0.0000001)).toBe("0.01 %");
  expect(share(1)).toBe("100 %");
  expect(share(null)).toBe("–");
});

it("tells bytes in the unit that suits them", () => {
  expect(bytes(0)).toBe("0 bytes");
  expect(bytes(1_500)).toBe("1.5 kB");
  expect(bytes(250_000_000)).toBe("250 MB");
});

it("tells what is slow by the minute or the hour", () => {
  expect(pace(2864.4)).toBe("2,864/s");
  expect(pace(1.25, "candles")).toBe("1.3 candles/s");
  expect(pace(2 / 60)).toBe("2/min");
  expect(pace(3 / 3600, "steps")).toBe("3 steps/h");
});

it("counts in words", () => {
  expect(plural(1, "gap")).toBe("1 gap");
  expect(plural(1200, "candle")).toBe("1,200 candles");
});
