/** The order book as a depth chart draws it. */
import type { OrderBook } from "@/api/types";

export type DepthPoint = { price: number; bid: number | null; ask: number | null };

/** All that is offered up to each price, from the lowest bid to the highest ask. */
export function depthPoints({ bids, asks }: OrderBook): DepthPoint[] {
  const left = bids
    .toReversed()
    .map((one) => ({ price: Number(one.price), bid: Number(one.cumulative), ask: null }));
  const right = asks.map((one) => ({ price: Number(one.price), bid: null, ask: Number(one.cumulative) }));
  return [...left, ...right];
}
