import type { Card, Freshness } from "@/api/types";

export type Overview = {
  symbols: number;
  rising: number;
  falling: number;
  /** Neither: those that stand where they stood, and those without a price a day ago. */
  others: number;
  best: Card | null;
  worst: Card | null;
  /** The sum over all symbols in their quote asset; null where they have several. */
  quoteVolume: number | null;
  trades: number;
  candles: number;
  freshness: Record<Freshness | "none", number>;
};

/** Sum up a market's cards. */
export function summarise(cards: readonly Card[], quotes: ReadonlyMap<string, string | null>): Overview {
  const moved = cards.filter((card) => card.day.change_percent !== null);
  const ranked = moved.toSorted((a, b) => Number(b.day.change_percent) - Number(a.day.change_percent));
  const freshness = { fresh: 0, aging: 0, stale: 0, none: 0 };
  for (const card of cards) freshness[card.freshness ?? "none"] += 1;
  const ofQuotes = new Set(cards.map((card) => quotes.get(card.symbol)));
  const rising = moved.filter((card) => Number(card.day.change_percent) > 0).length;
  const falling = moved.filter((card) => Number(card.day.change_percent) < 0).length;
  const sum = (of: (card: Card) => number) => cards.reduce((total, card) => total + of(card), 0);
  return {
    symbols: cards.length,
    rising,
    falling,
    others: cards.length - rising - falling,
    best: ranked[0] ?? null,
    worst: ranked.at(-1) ?? null,
    quoteVolume: ofQuotes.size === 1 ? sum((card) => Number(card.day.quote_volume)) : null,
    trades: sum((card) => card.day.trade_count),
    candles: sum((card) => card.candles),
    freshness,
  };
}
