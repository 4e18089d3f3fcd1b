import type { Card } from "@/api/types";
import { sortRows } from "@/components/DataTable";

export const ORDERS = ["symbol", "price", "change", "volume", "range", "freshness"] as const;
export type Order = (typeof ORDERS)[number];

const LATENESS = { fresh: 0, aging: 1, stale: 2 };

const BY: Record<Order, (card: Card) => number | string | null> = {
  symbol: (card) => card.symbol,
  price: (card) => number(card.day.price),
  change: (card) => number(card.day.change_percent),
  volume: (card) => number(card.day.quote_volume),
  range: (card) => spread(card.day),
  freshness: (card) => (card.freshness === null ? null : LATENESS[card.freshness]),
};

type Wanted = { order: Order; down: boolean; search: string; favourites: ReadonlySet<string>; only: boolean };

/** The cards to show, in order: those whose symbol holds the search, favourites before others. */
export function arrange(cards: readonly Card[], { order, down, search, favourites, only }: Wanted): Card[] {
  const text = search.trim().toUpperCase();
  const found = cards.filter((card) => card.symbol.includes(text) && (!only || favourites.has(card.symbol)));
  const sorted = sortRows(found, BY[order], down);
  return [
    ...sorted.filter((card) => favourites.has(card.symbol)),
    ...sorted.filter((card) => !favourites.has(card.symbol)),
  ];
}

/** Where the price lies between the day's low and high, 0 to 1; null where that cannot be said. */
export function placeInRange({
  price,
  low,
  high,
}: Pick<Card["day"], "price" | "low" | "high">): number | null {
  const [at, from, to] = [number(price), number(low), number(high)];
  if (at === null || from === null || to === null || to <= from) return null;
  return Math.min(1, Math.max(0, (at - from) / (to - from)));
}

/** How far apart the day's high and low are, as a share of the low. */
function spread({ low, high }: Card["day"]): number | null {
  const [from, to] = [number(low), number(high)];
  return from === null || to === null || from === 0 ? null : (to - from) / from;
}

function number(amount: string | null): number | null {
  return amount === null ? null : Number(amount);
}
