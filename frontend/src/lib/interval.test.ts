import { divides, feeding, floorOpen, nextOpen } from "./interval";

it("opens weeks on a Monday and months on their first day, in UTC", () => {
  const friday = Date.UTC(2026, 0, 9, 14, 30);
  expect(floorOpen("1w", friday)).toBe(Date.UTC(2026, 0, 5));
  expect(floorOpen("1M", friday)).toBe(Date.UTC(2026, 0, 1));
  expect(floorOpen("4h", friday)).toBe(Date.UTC(2026, 0, 9, 12));
  expect(nextOpen("1M", Date.UTC(2025, 11, 1))).toBe(Date.UTC(2026, 0, 1));
});

it("makes an interval only of those that fit into it", () => {
  expect(divides("1m", "1h")).toBe(true);
  expect(divides("1m", "1m")).toBe(false);
  expect(divides("3d", "1w")).toBe(false);
  expect(divides("8h", "12h")).toBe(false);
  expect(divides("1d", "1M")).toBe(true);
  expect(divides("1w", "1M")).toBe(false);
});

it("names the stored candles that a chart is drawn from, the coarsest first", () => {
  expect(feeding(["1m", "1h", "1d"], "4h")).toEqual(["1h", "1m"]);
  expect(feeding(["1m", "1h"], "1h")).toEqual(["1h", "1m"]);
  expect(feeding(["1h"], "1m")).toEqual([]);
});
