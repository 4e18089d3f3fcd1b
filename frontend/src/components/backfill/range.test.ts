import { NOW_MS } from "@/test/factories";
import { BEFORE_ALL, boundsOf, DAY_MS, wantedHistory } from "./range";

const days = (from: string | null, to: string | null) => ({ preset: "custom" as const, from, to });

it("counts presets back from now, and begins before all where all is wanted", () => {
  const preset = (of: "90d" | "all") => boundsOf({ preset: of, from: null, to: null }, NOW_MS);
  expect(preset("90d")).toEqual({ start: NOW_MS - 90 * DAY_MS });
  expect(preset("all")).toEqual({ start: BEFORE_ALL });
});

it("takes days in UTC, the last one included", () => {
  expect(boundsOf(days("2026-01-01", "2026-01-02"), NOW_MS)).toEqual({
    start: Date.UTC(2026, 0, 1),
    end: Date.UTC(2026, 0, 3),
  });
});

it("leaves the end open where that day is not over, or none is named", () => {
  const start = Date.UTC(2026, 0, 1);
  expect(boundsOf(days("2026-01-01", "2026-01-09"), NOW_MS)).toEqual({ start });
  expect(boundsOf(days("2026-01-01", null), NOW_MS)).toEqual({ start });
});

it("is no range where days are missing, the wrong way round, or yet to come", () => {
  expect(boundsOf(days(null, null), NOW_MS)).toBeNull();
  expect(boundsOf(days("2026-01-03", "2026-01-01"), NOW_MS)).toBeNull();
  expect(boundsOf(days("2026-01-10", null), NOW_MS)).toBeNull();
});

it("asks for no plan until symbols and intervals are chosen", () => {
  const range = { preset: "30d" as const, from: null, to: null };
  expect(wantedHistory([], ["1m"], range, NOW_MS)).toBeNull();
  expect(wantedHistory(["BTCUSDT"], [], range, NOW_MS)).toBeNull();
  expect(wantedHistory(["BTCUSDT"], ["1m"], range, NOW_MS)).toEqual({
    symbols: ["BTCUSDT"],
    intervals: ["1m"],
    start: NOW_MS - 30 * DAY_MS,
  });
});
