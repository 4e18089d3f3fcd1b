/** Answers of the API about runs, plans and the request budget, as `factories.ts` has them. */
import type { Batch, Plan, RateLimit, SeriesPlan } from "@/api/types";
import { makeRun, NOW_MS } from "./factories";

export function makeBatch(over: Partial<Batch> = {}): Batch {
  return {
    batch: makeRun({ kind: "batch", symbol: null, interval: null }),
    overall_progress_pct: 50,
    total_combinations: 2,
    counts: { queued: 1, running: 1, paused: 0, succeeded: 0, partly_failed: 0, failed: 0, cancelled: 0 },
    child_jobs: [makeRun({ id: 8, parent_id: 7 })],
    next_cursor: null,
    ...over,
  };
}

export function makeSeriesPlan(over: Partial<SeriesPlan> = {}): SeriesPlan {
  return {
    symbol: "BTCUSDT",
    interval: "1m",
    start_ms: NOW_MS - 30 * 86_400_000,
    end_ms: NOW_MS,
    windows: 1,
    candles: 43_200,
    requests: 44,
    held: 0,
    empty: 0,
    under_way: 0,
    kept_days: null,
    ...over,
  };
}

export function makePlan(over: Partial<Plan> = {}): Plan {
  const series = over.series ?? [makeSeriesPlan()];
  return {
    total_combinations: series.length,
    candles: series.reduce((sum, one) => sum + one.candles, 0),
    requests: series.reduce((sum, one) => sum + one.requests, 0),
    weight: 88,
    weight_a_minute: 2_880,
    size_bytes: 7_776_000,
    duration_ms: 2_000,
    expected_ms: null,
    ...over,
    series,
  };
}

export function makeRateLimit(over: Partial<RateLimit> = {}): RateLimit {
  return {
    exchange: "binance",
    egress: "default",
    minute_start_ms: NOW_MS,
    is_current: true,
    used_weight: 1_200,
    weight_limit: 6_000,
    allowed_weight: 4_800,
    used_pct: 25,
    lanes: { live: 240, repair: 0, history: 960 },
    is_blocked: false,
    blocked_until_ms: null,
    block_reason: null,
    breaker_state: "closed",
    breaker_failures: 0,
    breaker_opened_ms: null,
    ...over,
  };
}
