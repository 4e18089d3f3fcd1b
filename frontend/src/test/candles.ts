/** Candles and charts as the API sends them, for unit tests. */
import type { Candle, Candlesticks, Hole } from "@/api/types";
import { NOW_MS } from "./factories";

export function makeCandle(over: Partial<Candle> = {}): Candle {
  return {
    open_time_ms: NOW_MS - 60_000,
    open: "100.00000000",
    high: "110.00000000",
    low: "95.00000000",
    close: "105.00000000",
    volume: "12.50000000",
    quote_volume: "1300.00000000",
    taker_buy_volume: "6.00000000",
    taker_buy_quote_volume: "630.00000000",
    trade_count: 42,
    complete: true,
    ...over,
  };
}

/** A chart's answer of *amount* candles of a minute, the first one at *startMs*. */
export function makeCandlesticks(
  startMs: number,
  amount: number,
  over: Partial<Candlesticks> = {},
): Candlesticks {
  return {
    exchange: "binance",
    symbol: "BTCUSDT",
    interval: "1m",
    candles: Array.from({ length: amount }, (_, place) =>
      makeCandle({ open_time_ms: startMs + place * 60_000 }),
    ),
    forming: null,
    gaps: [],
    restated_ms: [],
    has_more: false,
    ...over,
  };
}

export function makeHole(startMs: number, endMs: number, over: Partial<Hole> = {}): Hole {
  return {
    start_ms: startMs,
    end_ms: endMs,
    interval: "1m",
    gap_id: 3,
    missing: (endMs - startMs) / 60_000,
    state: "detected",
    reason: "not_fetched",
    why: "not fetched yet",
    ...over,
  };
}
