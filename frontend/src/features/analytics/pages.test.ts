import type { Interval } from "@/api/types";
import { floorOpen, INTERVALS } from "@/lib/interval";
import { extend, listPages, MOST_PAGES, pageOf, pagesFor, windowOf } from "./pages";

const NOW = Date.UTC(2026, 10, 28, 21, 30);
const DAY = 86_400_000;

it.each(INTERVALS)(
  "pages of %s touch, begin where a candle opens, and hold the times they are found by",
  (interval: Interval) => {
    const page = pageOf(interval, NOW);
    const { start, end = Number.POSITIVE_INFINITY } = windowOf(interval, page);
    expect(start).toBeLessThanOrEqual(NOW);
    expect(end).toBeGreaterThan(NOW);
    if (page > 0) {
      expect(floorOpen(interval, start)).toBe(start);
      expect(windowOf(interval, page - 1).end).toBe(start);
      expect(pageOf(interval, start)).toBe(page);
      expect(pageOf(interval, start - 1)).toBe(page - 1);
    }
  },
);

it("asks for what is seen and half as much beside it, within what there is", () => {
  const bounds = { fromMs: NOW - 400 * DAY, toMs: NOW };
  const pages = pagesFor("1m", { fromMs: NOW - DAY, toMs: NOW }, bounds);
  expect(pages).toEqual({ first: pageOf("1m", NOW - 1.5 * DAY), last: pageOf("1m", NOW) });
  const few = pagesFor("1m", { fromMs: NOW - DAY, toMs: NOW }, { fromMs: NOW - 60_000, toMs: NOW });
  expect(listPages(few)).toHaveLength(1);
});

it("adds to what is held, and lets go of the far side when that is too much", () => {
  const held = { first: 100, last: 100 + MOST_PAGES - 1 };
  expect(extend(held, { first: 98, last: 101 })).toEqual({ first: 98, last: 98 + MOST_PAGES - 1 });
  expect(extend(held, { first: held.last, last: held.last + 3 })).toEqual({
    first: held.last + 4 - MOST_PAGES,
    last: held.last + 3,
  });
});

it("is the same run of pages when nothing is needed, and another one after a jump", () => {
  const held = { first: 100, last: 110 };
  expect(extend(held, { first: 101, last: 105 })).toBe(held);
  expect(extend(held, { first: 20, last: 22 })).toEqual({ first: 20, last: 22 });
});
