import type { DayCell, SeriesCoverage } from "@/api/types";
import { makeCoverage } from "@/test/factories";
import { cellText, makeCell, makeRows, moved, strokesOf, ticksOf } from "./cells";

const day = (over: Partial<DayCell> = {}): DayCell => ({
  day: "2026-01-09",
  wanted: 1440,
  held: 1440,
  missing: 0,
  lag: 0,
  ...over,
});
const series = (over: Partial<SeriesCoverage> = {}) => makeCoverage({ not_wanted: [], ...over });
const START_MS = Date.UTC(2026, 0, 9);

it.each([
  [0, "complete"],
  [1, "most"],
  [14, "most"],
  [15, "much"],
  [144, "much"],
  [145, "half"],
  [720, "half"],
  [721, "little"],
  [1439, "little"],
  [1440, "nothing"],
])("a day of minutes that lacks %i is %s", (missing, tone) => {
  expect(makeCell(day({ held: 1440 - missing, missing }), series()).tone).toBe(tone);
});

it("does not count what is only just due, until it is late", () => {
  const today = (lag: number, wanted = 600) =>
    makeCell(day({ wanted, held: wanted - lag, missing: lag, lag }), series());
  expect([today(3).tone, today(3).wanted, today(3).missing]).toEqual(["complete", 597, 0]);
  expect([today(4).tone, today(4).missing]).toEqual(["most", 4]);
  expect(today(1, 1)).toMatchObject({ tone: "unwanted", reason: "it has only just begun" });
});

describe("a day of which nothing is wanted", () => {
  const hour = 3_600_000;
  const none = day({ wanted: 0, held: 0, missing: 0 });

  it("says the reason that holds for most of it", () => {
    const cell = makeCell(
      none,
      series({
        not_wanted: [
          { start_ms: START_MS - hour, end_ms: START_MS + hour, reason: "before listing" },
          { start_ms: START_MS + hour, end_ms: START_MS + 24 * hour, reason: "aged out, rolled up" },
        ],
      }),
    );
    expect([cell.tone, cell.reason]).toEqual(["aged", "aged out, rolled up"]);
  });

  it("takes no reason of another day", () => {
    const before = { start_ms: 0, end_ms: START_MS, reason: "before listing" };
    const cell = makeCell(none, series({ not_wanted: [before], wanted: null }));
    expect([cell.tone, cell.reason]).toEqual(["unwanted", "not asked for"]);
  });

  it("knows that weeks do not open every day", () => {
    const wanted = { start_ms: START_MS - 7 * 24 * hour, end_ms: START_MS + 7 * 24 * hour };
    expect(makeCell(none, series({ interval: "1w", wanted })).reason).toBe("no candle opens on that day");
  });
});

it("tells a cell in words", () => {
  const [row] = makeRows([
    series({
      days: [
        day({ held: 1430, missing: 10 }),
        day({ wanted: 0, held: 360, missing: 0 }),
        day({ wanted: 60, held: 1440, missing: 0 }),
      ],
      not_wanted: [{ start_ms: 0, end_ms: START_MS * 2, reason: "older than it is kept" }],
    }),
  ]);
  expect(row?.cells.map((cell) => row && cellText(row, cell))).toEqual([
    "BTCUSDT 1m, 2026-01-09: 1,430 of 1,440 candles, 99.31 %, 10 missing",
    "BTCUSDT 1m, 2026-01-09: not wanted: older than it is kept, 360 candles held all the same",
    "BTCUSDT 1m, 2026-01-09: complete, 60 of 60 candles",
  ]);
});

it("draws neighbours of one tone in one stroke", () => {
  const cells = [0, 0, 1440, 0].map((missing) => makeCell(day({ held: 1440 - missing, missing }), series()));
  expect(strokesOf(cells)).toEqual([
    { tone: "complete", from: 0, length: 2 },
    { tone: "nothing", from: 2, length: 1 },
    { tone: "complete", from: 3, length: 1 },
  ]);
});

it.each([
  ["ArrowRight", { row: 1, column: 29 }],
  ["ArrowLeft", { row: 1, column: 28 }],
  ["ArrowUp", { row: 0, column: 29 }],
  ["PageDown", { row: 4, column: 29 }],
  ["Home", { row: 1, column: 0 }],
  ["a", null],
])("%s moves the cursor no further than the edge", (key, place) => {
  expect(moved({ row: 1, column: 29 }, key, 5, 30)).toEqual(place);
});

it("names months above many days and Mondays above few", () => {
  const days = (length: number) =>
    Array.from({ length }, (_, index) => new Date(START_MS + index * 86_400_000).toISOString().slice(0, 10));
  expect(ticksOf(days(10), 20)).toEqual([{ column: 3, text: "01-12" }]);
  expect(ticksOf(days(60), 20).map((tick) => tick.text)).toEqual(["2026-02", "2026-03"]);
  // Where columns are narrow no two run into one another, nor the last one out of the plot.
  expect(ticksOf(days(30), 5).map((tick) => tick.text)).toEqual(["01-12", "01-26"]);
  expect(ticksOf(days(10), 3)).toEqual([]);
});
