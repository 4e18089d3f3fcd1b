/**
 * History in pages. A page is a fixed window of UTC, so that pages never overlap, and one that was fetched stays
 * the same page whatever comes after it. Held is one run of pages around what is seen.
 */
import type { Interval } from "@/api/types";
import { floorOpen, roughMs } from "@/lib/interval";

export const PAGE_BARS = 1_000;
/** More than a page has slots: candles of 2017 may share one. */
export const PAGE_LIMIT = 1_500;
/** So many candles at most are held at a time: 30 pages. */
export const MOST_PAGES = 30;

export type Pages = { first: number; last: number };
export type Span = { fromMs: number; toMs: number };

function pageMs(interval: Interval): number {
  return PAGE_BARS * roughMs(interval);
}

/** The page that a time lies in. Months, of which no series has a thousand, are all on one. */
export function pageOf(interval: Interval, ms: number): number {
  if (interval === "1M") return 0;
  return Math.floor((ms - originMs(interval)) / pageMs(interval));
}

/** A page's window, start included and end not; both are times at which a candle opens. */
export function windowOf(interval: Interval, page: number): { start: number; end: number | undefined } {
  if (interval === "1M") return { start: 0, end: undefined };
  const start = originMs(interval) + page * pageMs(interval);
  return { start: page === 0 ? 0 : start, end: start + pageMs(interval) };
}

/** Pages begin where a week does, else a week would lie on two. */
function originMs(interval: Interval): number {
  return interval === "1w" ? 4 * 86_400_000 : 0;
}

/** The pages that a view needs: it, and half as much on either side, within what there can be. */
export function pagesFor(interval: Interval, seen: Span, bounds: Span): Pages {
  const air = Math.max((seen.toMs - seen.fromMs) / 2, 100 * roughMs(interval));
  const clip = (ms: number) => Math.min(Math.max(ms, bounds.fromMs), bounds.toMs);
  const first = pageOf(interval, floorOpen(interval, clip(seen.fromMs - air)));
  const last = pageOf(interval, clip(seen.toMs + air));
  return { first: Math.max(first, last - MOST_PAGES + 1), last };
}

/** Add what a view needs to what is held; what is farthest from it goes, where that is too much. */
export function extend(held: Pages, needed: Pages): Pages {
  const touches = needed.first <= held.last + 1 && needed.last >= held.first - 1;
  if (!touches) return needed;
  const all = { first: Math.min(held.first, needed.first), last: Math.max(held.last, needed.last) };
  const excess = all.last - all.first + 1 - MOST_PAGES;
  if (excess > 0) {
    const isOldSide = needed.first - all.first >= all.last - needed.last;
    if (isOldSide) all.first += excess;
    else all.last -= excess;
  }
  return all.first === held.first && all.last === held.last ? held : all;
}

export function listPages({ first, last }: Pages): number[] {
  return Array.from({ length: last - first + 1 }, (_, place) => first + place);
}
