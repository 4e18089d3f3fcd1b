import type { TrackedSymbol } from "@/api/types";
import { NOW_MS } from "@/test/factories";
import { isFirstVisit } from "./Welcome";

const DAY_MS = 86_400_000;

function tracked(daysBack: number): TrackedSymbol {
  return {
    exchange: "binance",
    symbol: "BTCUSDT",
    status: "TRADING",
    base_asset: "BTC",
    quote_asset: "USDT",
    tick_size: null,
    step_size: null,
    listed_ms: null,
    delisted_ms: null,
    last_price: null,
    priced_ms: null,
    tracked: true,
    series: [
      {
        interval: "1m",
        tracked: true,
        tier: "TIER4",
        candles: 1,
        first_open_ms: null,
        last_open_ms: null,
        wanted_from_ms: NOW_MS - daysBack * DAY_MS,
        keep_days: null,
      },
    ],
  };
}

it("is a first visit while nothing, or only the first day, is wanted", () => {
  expect(isFirstVisit([], NOW_MS)).toBe(true);
  expect(isFirstVisit([tracked(1)], NOW_MS)).toBe(true);
  expect(isFirstVisit([tracked(1), tracked(30)], NOW_MS)).toBe(false);
});
