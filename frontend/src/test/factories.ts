/** Answers of the API for unit tests: whole ones, of which a test overrides what it is about. */
import type {
  Card,
  Dashboard,
  Gap,
  Job,
  LakeObject,
  Run,
  SeriesCoverage,
  SeriesStatus,
  Session,
} from "@/api/types";

export const NOW_MS = Date.UTC(2026, 0, 9, 14, 30);

export function makeSession(over: Partial<Session> = {}): Session {
  return { name: "operator", role: "operator", logged_in: true, reading_is_open: true, ...over };
}

export function makeRun(over: Partial<Run> = {}): Run {
  return {
    id: 7,
    parent_id: null,
    job_id: null,
    kind: "fetch",
    lane: "history",
    state: "running",
    wish: null,
    origin: "manual",
    requested_by: "operator",
    parameters: {},
    exchange: "binance",
    symbol: "BTCUSDT",
    interval: "1m",
    window_start_ms: NOW_MS - 86_400_000,
    window_end_ms: NOW_MS,
    unit: "candles",
    done: 720,
    total: 1440,
    progress_pct: 50,
    batches_done: 1,
    batches_total: 2,
    current_series: null,
    current_open_ms: null,
    fetched: 720,
    loaded: 700,
    expected: 1440,
    share_received: null,
    rate: 100,
    time_left_ms: 7_200,
    waiting_for: null,
    attempt: 1,
    attempt_limit: 3,
    error_kind: null,
    error: null,
    created_ms: NOW_MS - 10_000,
    started_ms: NOW_MS - 9_000,
    heartbeat_ms: NOW_MS,
    finished_ms: null,
    took_ms: null,
    ...over,
  };
}

export function makeCard(symbol: string, over: Partial<Card> = {}, day: Partial<Card["day"]> = {}): Card {
  return {
    symbol,
    interval: "1m",
    tier: "TIER4",
    status: "TRADING",
    freshness: "fresh",
    last_open_ms: NOW_MS - 60_000,
    candles: 1440,
    day: {
      price: "100.00000000",
      price_at_ms: NOW_MS,
      price_before: "98.00000000",
      change: "2.00000000",
      change_percent: "2.04",
      high: "110.00000000",
      low: "90.00000000",
      volume: "10.00000000",
      quote_volume: "1000.00000000",
      weighted_average: "100.00000000",
      trade_count: 50,
      complete: true,
      ...day,
    },
    closes: ["98", "99", "100"],
    ...over,
  };
}

export function makeDashboard(symbols: Card[]): Dashboard {
  return { exchange: "binance", now_ms: NOW_MS, now: "2026-01-09T14:30:00Z", rising: 0, falling: 0, symbols };
}

export function makeJob(id: string, over: Partial<Job> = {}): Job {
  return {
    id,
    title: id,
    description: `does ${id}`,
    lane: "live",
    schedule: "every 1h",
    time_zone: "UTC",
    in_words: "every hour",
    default_schedule: "every 1h",
    is_default: true,
    locked_by: null,
    problem: null,
    enabled: true,
    parameters: {},
    time_limit_s: 600,
    next_run_ms: NOW_MS + 60_000,
    next_times_ms: [NOW_MS + 60_000],
    updated_ms: null,
    updated_by: null,
    last_run: null,
    under_way: null,
    durations_ms: [],
    usual_ms: null,
    ...over,
  };
}

export function makeObject(over: Partial<LakeObject> = {}): LakeObject {
  return {
    id: 1,
    key: "2026-01-09/BTCUSDT_klines_1767969000000.json",
    bucket: "raw",
    symbol: "BTCUSDT",
    data_type: "klines",
    interval: "1m",
    lane: "live",
    state: "loaded",
    captured_ms: NOW_MS,
    landed_ms: NOW_MS + 10,
    loaded_ms: NOW_MS + 50,
    first_open_ms: NOW_MS - 60_000,
    last_open_ms: NOW_MS - 60_000,
    candles: 1,
    size_bytes: 400,
    run_id: null,
    error: null,
    ...over,
  };
}

export function makeSeries(over: Partial<SeriesStatus> = {}): SeriesStatus {
  return {
    symbol: "BTCUSDT",
    interval: "1m",
    tracked: true,
    tier: "TIER4",
    status: "TRADING",
    record_count: 1430,
    oldest_ms: NOW_MS - 86_400_000,
    newest_ms: NOW_MS - 120_000,
    freshness: "fresh",
    share: 0.993,
    wanted_from_ms: NOW_MS - 86_400_000,
    keep_days: null,
    gaps: 1,
    missing_candles: 10,
    lag_candles: 0,
    last_run: null,
    ...over,
  };
}

export function makeCoverage(over: Partial<SeriesCoverage> = {}): SeriesCoverage {
  return {
    symbol: "BTCUSDT",
    interval: "1m",
    tracked: true,
    wanted: { start_ms: NOW_MS - 86_400_000, end_ms: NOW_MS },
    held_from_ms: NOW_MS - 86_400_000,
    held_to_ms: NOW_MS,
    ranges: 1,
    candles: 1440,
    share: 1,
    missing_candles: 0,
    lag_candles: 0,
    held: null,
    missing: null,
    not_wanted: null,
    days: null,
    ...over,
  };
}

export function makeGap(over: Partial<Gap> = {}): Gap {
  return {
    id: 3,
    exchange: "binance",
    symbol: "BTCUSDT",
    interval: "1m",
    start_ms: NOW_MS - 7_200_000,
    end_ms: NOW_MS - 3_600_000,
    missing: 60,
    state: "detected",
    reason: "not_fetched",
    reason_in_words: "not fetched yet",
    hint: null,
    beyond_reach: 0,
    file_hint: null,
    detected_ms: NOW_MS - 3_000_000,
    attempted_ms: null,
    attempts: 0,
    ask_again_ms: null,
    filled_ms: null,
    run_id: null,
    error: null,
    evidence: [],
    ...over,
  };
}
