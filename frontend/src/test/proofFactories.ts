/** What quality and proof have found, for unit tests. */
import type { components } from "@/api/schema";
import type { Finding, VerifiedDay } from "@/api/types";
import { NOW_MS } from "./factories";

const SERIES = { symbol: "BTCUSDT", interval: "1m" } as const;

export function makeFinding(over: Partial<Finding> = {}): Finding {
  return {
    id: 1,
    exchange: "binance",
    ...SERIES,
    day: "2026-01-08",
    kind: "price_jump",
    severity: "warning",
    count: 2,
    detail: "close by +30% at most: 00:50, 00:51 (UTC)",
    found_ms: NOW_MS,
    acknowledged_ms: null,
    acknowledged_by: null,
    ...over,
  };
}

export function makeVerifiedDay(over: Partial<VerifiedDay> = {}): VerifiedDay {
  return {
    ...SERIES,
    day: "2026-01-08",
    state: "same",
    is_fault: false,
    candles: 1440,
    detail: "",
    verified_ms: NOW_MS - 60_000,
    ...over,
  };
}

type Verified = components["schemas"]["VerifiedOut"];

/** A page of compared days, counted by state as the API does. */
export function makeVerified(results: VerifiedDay[], next_cursor: string | null = null): Verified {
  const states = [...new Set(results.map((one) => one.state))];
  const counts = states.map((state) => ({
    state,
    days: results.filter((one) => one.state === state).length,
    last_ms: NOW_MS - 60_000,
  }));
  return { counts, results, next_cursor };
}
