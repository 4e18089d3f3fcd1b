/**
 * What the chart draws, slot by slot. Where a candle is missing stands an empty slot: a chart of Lightweight Charts
 * is as wide as it has points, so that time would shrink where nothing is otherwise.
 */
import type { Candle, Candlesticks, Hole, Interval } from "@/api/types";
import { floorOpen, nextOpen } from "@/lib/interval";
import { windowOf } from "./pages";

export type Slot = {
  ms: number;
  /** Null where it is missing. */
  candle: Candle | null;
  isForming: boolean;
  /** Whether it holds a candle that the exchange amended. */
  isRestated: boolean;
};

/** A hole of more slots is drawn with so many, and said to be out of scale. */
export const MOST_EMPTY = 2_000;

export type Drawn = { slots: Slot[]; holes: Hole[] };

/**
 * Draw the longest run of pages that are there; *first* is the number of the first one. What lies beyond a page that
 * is still on its way waits for it: it would look like a hole that is none.
 */
export function draw(interval: Interval, first: number, pages: readonly (Candlesticks | undefined)[]): Drawn {
  let best = { from: 0, pages: [] as Candlesticks[] };
  let run: typeof best | null = null;
  for (const [place, page] of pages.entries()) {
    if (!page) run = null;
    else if (run) run.pages.push(page);
    else run = { from: place, pages: [page] };
    if (run && run.pages.length > best.pages.length) best = run;
  }
  return buildSlots(interval, best.pages, windowOf(interval, first + best.from).start);
}

/** Put pages together, oldest first; *fromMs* is where the first of them begins. */
export function buildSlots(interval: Interval, pages: readonly Candlesticks[], fromMs: number): Drawn {
  const holes = joinHoles(pages.flatMap((page) => page.gaps)).filter((hole) => hole.end_ms > fromMs);
  const restated = new Set(pages.flatMap((page) => page.restated_ms));
  const candles = pages.flatMap((page) => page.candles);
  const forming = pages.at(-1)?.forming ?? null;
  const known = forming ? [...candles, forming] : candles;
  const slots: Slot[] = [];
  const firstHole = holes[0];
  let next = Math.max(fromMs, firstHole ? floorOpen(interval, firstHole.start_ms) : Number.POSITIVE_INFINITY);
  for (const candle of known) {
    const ms = candle.open_time_ms;
    addEmpty(slots, interval, next, floorOpen(interval, ms));
    const before = slots.at(-1);
    // Candles that were sent off the grid may be less than a second apart; a chart knows seconds alone.
    if (before && Math.floor(before.ms / 1000) >= Math.floor(ms / 1000)) continue;
    slots.push(slotOf(candle, candle === forming, restated.has(ms)));
    next = nextOpen(interval, floorOpen(interval, ms));
  }
  const endMs = Math.max(0, ...holes.map((hole) => hole.end_ms));
  addEmpty(slots, interval, Number.isFinite(next) ? next : endMs, endMs);
  return { slots, holes };
}

function addEmpty(slots: Slot[], interval: Interval, fromMs: number, untilMs: number) {
  if (!(fromMs < untilMs)) return;
  const lengthMs = nextOpen(interval, fromMs) - fromMs;
  const steps = Math.max(1, Math.ceil((untilMs - fromMs) / lengthMs / MOST_EMPTY));
  let ms = fromMs;
  while (ms < untilMs) {
    slots.push({ ms, candle: null, isForming: false, isRestated: false });
    for (let step = 0; step < steps; step += 1) ms = nextOpen(interval, ms);
  }
}

// A slot stays the same object as long as its candle does: what has changed is found by looking at the last few.
const made = new WeakMap<Candle, Slot>();

function slotOf(candle: Candle, isForming: boolean, isRestated: boolean): Slot {
  const known = made.get(candle);
  if (known && known.isForming === isForming && known.isRestated === isRestated) return known;
  const slot = { ms: candle.open_time_ms, candle, isForming, isRestated };
  made.set(candle, slot);
  return slot;
}

/** A gap that lies on two pages is told by both; parts of one hole touch where a page ends. */
export function joinHoles(holes: readonly Hole[]): Hole[] {
  const joined: Hole[] = [];
  const ordered = holes.toSorted((one, other) => one.start_ms - other.start_ms || one.end_ms - other.end_ms);
  for (const hole of ordered) {
    const at = joined.findLastIndex((one) => isSame(one, hole));
    const same = joined[at];
    if (same && same.end_ms >= hole.start_ms) {
      joined[at] = { ...same, end_ms: Math.max(same.end_ms, hole.end_ms) };
    } else {
      joined.push(hole);
    }
  }
  return joined;
}

function isSame(one: Hole, other: Hole): boolean {
  return one.interval === other.interval && one.gap_id === other.gap_id && one.why === other.why;
}

/** From where on *after* differs from *before*, where that is among the last few slots; null where it is not. */
export function changedFrom(before: readonly Slot[], after: readonly Slot[]): number | null {
  const few = 10;
  const from = Math.max(0, before.length - few);
  if (before.length === 0 || after.length < before.length || after.length > before.length + few) return null;
  if (!isAlike(before[0], after[0]) || !isAlike(before[from], after[from])) return null;
  for (let place = 0; place < before.length; place += 1) {
    if (!isAlike(before[place], after[place])) return place < from ? null : place;
  }
  return before.length;
}

function isAlike(one: Slot | undefined, other: Slot | undefined): boolean {
  return one === other || (one?.ms === other?.ms && one?.candle === null && other?.candle === null);
}

/** The hole that a slot lies in, if it does. */
export function holeAt(holes: readonly Hole[], interval: Interval, ms: number): Hole | null {
  const endMs = nextOpen(interval, ms);
  return holes.find((hole) => hole.start_ms < endMs && hole.end_ms > ms) ?? null;
}

/** Where a time lies among the slots: the place of the last one that opens at it or before. */
export function placeOf(slots: readonly { ms: number }[], ms: number): number {
  let low = 0;
  let high = slots.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((slots[middle]?.ms ?? 0) <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
