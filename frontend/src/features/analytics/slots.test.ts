import { makeCandle, makeCandlesticks, makeHole } from "@/test/candles";
import { windowOf } from "./pages";
import { buildSlots, changedFrom, draw, holeAt, joinHoles, MOST_EMPTY, placeOf } from "./slots";

const MINUTE = 60_000;
const AT = Date.UTC(2026, 0, 9, 14);
const times = (drawn: { slots: { ms: number }[] }) => drawn.slots.map((slot) => (slot.ms - AT) / MINUTE);
const missing = (drawn: { slots: { candle: unknown }[] }) =>
  drawn.slots.map((slot) => (slot.candle ? "c" : "-")).join("");

it("joins pages without overlap and leaves an empty slot for each candle that is missing", () => {
  const pages = [makeCandlesticks(AT, 3), makeCandlesticks(AT + 5 * MINUTE, 2)];
  const drawn = buildSlots("1m", pages, AT);
  expect(times(drawn)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(missing(drawn)).toBe("ccc--cc");
});

it("shows what is missing before the first candle and after the last", () => {
  const page = makeCandlesticks(AT + 2 * MINUTE, 2, {
    gaps: [makeHole(AT, AT + 2 * MINUTE), makeHole(AT + 4 * MINUTE, AT + 6 * MINUTE, { gap_id: 4 })],
  });
  expect(missing(buildSlots("1m", [page], AT))).toBe("--cc--");
  // A gap may begin long before the page does.
  const early = makeCandlesticks(AT + MINUTE, 1, { gaps: [makeHole(AT - 9_000 * MINUTE, AT + MINUTE)] });
  expect(missing(buildSlots("1m", [early], AT))).toBe("-c");
});

it("puts the forming bar last, and knows it", () => {
  const forming = makeCandle({ open_time_ms: AT + 3 * MINUTE, complete: false });
  const { slots } = buildSlots("1m", [makeCandlesticks(AT, 2, { forming })], AT);
  expect(slots.map((slot) => slot.isForming)).toEqual([false, false, false, true]);
  expect(slots[2]?.candle).toBeNull();
});

it("draws a hole of years out of scale rather than with a million slots", () => {
  const pages = [makeCandlesticks(AT, 1), makeCandlesticks(AT + 1_000_000 * MINUTE, 1)];
  const { slots } = buildSlots("1m", pages, AT);
  expect(slots.length).toBeLessThanOrEqual(MOST_EMPTY + 2);
  expect(slots.every((slot, place) => place === 0 || slot.ms > (slots[place - 1]?.ms ?? 0))).toBe(true);
});

it("marks restated candles, keeps off-grid ones where they were sent, and steps by the calendar", () => {
  const odd = makeCandle({ open_time_ms: AT + MINUTE + 7_000 });
  const page = makeCandlesticks(AT, 1, { restated_ms: [AT] });
  const { slots } = buildSlots("1m", [{ ...page, candles: [...page.candles, odd] }], AT);
  expect(slots.map((slot) => [slot.ms - AT, slot.isRestated])).toEqual([
    [0, true],
    [67_000, false],
  ]);
  const months = ["2026-01-01", "2026-04-01"].map((day) => makeCandle({ open_time_ms: Date.parse(day) }));
  const drawn = buildSlots("1M", [{ ...page, interval: "1M", candles: months }], 0);
  expect(drawn.slots.map((slot) => new Date(slot.ms).getUTCMonth())).toEqual([0, 1, 2, 3]);
});

it("tells a gap on two pages once, and joins the parts of an unexplained hole", () => {
  const gap = makeHole(AT, AT + 10 * MINUTE);
  const open = { gap_id: null, state: null, reason: null, why: "missing; not looked into yet" } as const;
  const parts = [
    makeHole(AT + 20 * MINUTE, AT + 25 * MINUTE, open),
    makeHole(AT + 25 * MINUTE, AT + 30 * MINUTE, open),
  ];
  const joined = joinHoles([gap, ...parts, gap]);
  expect(joined.map((hole) => [(hole.start_ms - AT) / MINUTE, (hole.end_ms - AT) / MINUTE])).toEqual([
    [0, 10],
    [20, 30],
  ]);
  expect(holeAt(joined, "1m", AT + 9 * MINUTE)).toBe(joined[0]);
  expect(holeAt(joined, "1m", AT + 10 * MINUTE)).toBeNull();
  expect(holeAt(joined, "1h", AT)).toBe(joined[0]);
});

it("finds that only the newest slots changed, so that no more than these are drawn anew", () => {
  const page = makeCandlesticks(AT, 30, { forming: makeCandle({ open_time_ms: AT + 30 * MINUTE }) });
  const before = buildSlots("1m", [page], AT).slots;
  expect(changedFrom(before, buildSlots("1m", [page], AT).slots)).toBe(31);
  const moved = { ...page, forming: makeCandle({ open_time_ms: AT + 30 * MINUTE, close: "99.00000000" }) };
  expect(changedFrom(before, buildSlots("1m", [moved], AT).slots)).toBe(30);
  const amended = { ...page, candles: [makeCandle({ open_time_ms: AT }), ...page.candles.slice(1)] };
  expect(changedFrom(before, buildSlots("1m", [amended], AT).slots)).toBeNull();
  const older = [makeCandlesticks(AT - 5 * MINUTE, 5), page];
  expect(changedFrom(before, buildSlots("1m", older, AT - 5 * MINUTE).slots)).toBeNull();
});

it("finds the slot that a time falls in", () => {
  const slots = [{ ms: 10 }, { ms: 20 }, { ms: 30 }];
  expect([9, 10, 19, 30, 99].map((ms) => placeOf(slots, ms))).toEqual([-1, 0, 0, 2, 2]);
});

it("draws the longest run of pages that are there, so that what is on its way looks like no hole", () => {
  const start = (page: number) => windowOf("1m", page).start;
  const first = 29_000;
  const pages = [
    makeCandlesticks(start(first), 3),
    undefined,
    ...[2, 3].map((at) => makeCandlesticks(start(first + at), 1_000)),
    undefined,
  ];
  const { slots } = draw("1m", first, pages);
  expect(slots).toHaveLength(2_000);
  expect(slots[0]?.ms).toBe(start(first + 2));
  expect(slots.every((slot) => slot.candle)).toBe(true);
  expect(draw("1m", first, [undefined])).toEqual({ slots: [], holes: [] });
});
