/**
 * What can be asked for: one `queryOptions` a resource, so that a page and the live events name the same key.
 * A key begins with the resource's name in `keys`; live events make keys stale by that name.
 */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { client, take } from "./client";
import type { components, paths } from "./schema";

type Query<Path extends keyof paths> = paths[Path] extends { get: { parameters: { query?: infer Q } } }
  ? NonNullable<Q>
  : never;

export const keys = {
  session: ["session"],
  health: ["health"],
  dashboard: ["dashboard"],
  symbols: ["symbols"],
  candles: ["candles"],
  indicators: ["indicators"],
  orderBook: ["orderBook"],
  statistics: ["statistics"],
  pipeline: ["pipeline"],
  ingestionLog: ["ingestionLog"],
  quarantine: ["quarantine"],
  storage: ["storage"],
  coverage: ["coverage"],
  coverageDays: ["coverageDays"],
  lineage: ["lineage"],
  quality: ["quality"],
  verified: ["verified"],
  restatements: ["restatements"],
  symbolsStatus: ["symbolsStatus"],
  runs: ["runs"],
  gaps: ["gaps"],
  jobs: ["jobs"],
  leader: ["leader"],
  config: ["config"],
  settings: ["settings"],
  rateLimit: ["rateLimit"],
  faults: ["faults"],
  market: ["market"],
  system: ["system"],
  watermarks: ["watermarks"],
  notifications: ["notifications"],
  tokens: ["tokens"],
  audit: ["audit"],
  plan: ["plan"],
} as const;

const FIRST_PAGE: string | null = null;
const nextPage = (page: { next_cursor: string | null }) => page.next_cursor;

export const queries = {
  session: () =>
    queryOptions({
      queryKey: keys.session,
      queryFn: ({ signal }) => take(client.GET("/api/session", { signal })),
      staleTime: 60_000,
    }),
  health: () =>
    queryOptions({
      queryKey: keys.health,
      queryFn: ({ signal }) => take(client.GET("/api/health", { signal })),
    }),
  dashboard: () =>
    queryOptions({
      queryKey: keys.dashboard,
      queryFn: ({ signal }) => take(client.GET("/api/dashboard/metrics", { signal })),
    }),
  symbols: () =>
    queryOptions({
      queryKey: keys.symbols,
      queryFn: ({ signal }) =>
        take(client.GET("/api/symbols", { params: { query: { limit: 1000 } }, signal })),
    }),
  candlesticks: (symbol: string, query: Query<"/api/candlestick/{symbol}">) =>
    queryOptions({
      queryKey: [...keys.candles, symbol, query],
      queryFn: ({ signal }) =>
        take(client.GET("/api/candlestick/{symbol}", { params: { path: { symbol }, query }, signal })),
      placeholderData: keepPreviousData,
    }),
  indicators: (symbol: string, query: Query<"/api/indicators/{symbol}">) =>
    queryOptions({
      queryKey: [...keys.indicators, symbol, query],
      queryFn: ({ signal }) =>
        take(client.GET("/api/indicators/{symbol}", { params: { path: { symbol }, query }, signal })),
    }),
  orderBook: (symbol: string, query: Query<"/api/orderbook/{symbol}"> = {}) =>
    queryOptions({
      queryKey: [...keys.orderBook, symbol, query],
      queryFn: ({ signal }) =>
        take(client.GET("/api/orderbook/{symbol}", { params: { path: { symbol }, query }, signal })),
    }),
  statistics: (symbol: string) =>
    queryOptions({
      queryKey: [...keys.statistics, symbol],
      queryFn: ({ signal }) =>
        take(client.GET("/api/statistics/{symbol}", { params: { path: { symbol } }, signal })),
    }),
  pipeline: () =>
    queryOptions({
      queryKey: keys.pipeline,
      queryFn: ({ signal }) => take(client.GET("/api/pipeline/status", { signal })),
    }),
  quarantine: (query: Query<"/api/quarantine"> = {}) =>
    queryOptions({
      queryKey: [...keys.quarantine, query],
      queryFn: ({ signal }) => take(client.GET("/api/quarantine", { params: { query }, signal })),
    }),
  storage: () =>
    queryOptions({
      queryKey: keys.storage,
      queryFn: ({ signal }) => take(client.GET("/api/storage/health", { signal })),
    }),
  coverage: (query: Query<"/api/coverage"> = {}) =>
    queryOptions({
      queryKey: [...keys.coverage, query],
      queryFn: ({ signal }) => take(client.GET("/api/coverage", { params: { query }, signal })),
      placeholderData: keepPreviousData,
    }),
  /** Each day of each series. No event makes it stale: it is long, and a day hardly changes in a minute. */
  coverageDays: (query: Query<"/api/coverage">) =>
    queryOptions({
      queryKey: [...keys.coverageDays, query],
      queryFn: ({ signal }) => take(client.GET("/api/coverage", { params: { query }, signal })),
      placeholderData: keepPreviousData,
    }),
  lineage: (symbol: string, query: Query<"/api/lineage/{symbol}">) =>
    queryOptions({
      queryKey: [...keys.lineage, symbol, query],
      queryFn: ({ signal }) =>
        take(client.GET("/api/lineage/{symbol}", { params: { path: { symbol }, query }, signal })),
    }),
  object: (key: string) =>
    queryOptions({
      queryKey: [...keys.lineage, "object", key],
      queryFn: ({ signal }) => take(client.GET("/api/objects", { params: { query: { key } }, signal })),
    }),
  /** What the exchange sent, as text: an object never changes. */
  answer: (key: string) =>
    queryOptions({
      queryKey: [...keys.lineage, "answer", key],
      queryFn: ({ signal }) =>
        take(client.GET("/api/objects/answer", { params: { query: { key } }, parseAs: "text", signal })),
      staleTime: Infinity,
    }),
  quality: (query: Query<"/api/quality"> = {}) =>
    queryOptions({
      queryKey: [...keys.quality, query],
      queryFn: ({ signal }) => take(client.GET("/api/quality", { params: { query }, signal })),
      placeholderData: keepPreviousData,
    }),
  restatements: (query: Query<"/api/restatements"> = {}) =>
    queryOptions({
      queryKey: [...keys.restatements, query],
      queryFn: ({ signal }) => take(client.GET("/api/restatements", { params: { query }, signal })),
    }),
  findingPages: (query: Query<"/api/quality"> = {}) =>
    infiniteQueryOptions({
      queryKey: [...keys.quality, "pages", query],
      queryFn: ({ signal, pageParam: cursor }) =>
        take(client.GET("/api/quality", { params: { query: { ...query, cursor } }, signal })),
      initialPageParam: FIRST_PAGE,
      getNextPageParam: nextPage,
      placeholderData: keepPreviousData,
    }),
  restatementPages: (query: Query<"/api/restatements"> = {}) =>
    infiniteQueryOptions({
      queryKey: [...keys.restatements, "pages", query],
      queryFn: ({ signal, pageParam: cursor }) =>
        take(client.GET("/api/restatements", { params: { query: { ...query, cursor } }, signal })),
      initialPageParam: FIRST_PAGE,
      getNextPageParam: nextPage,
      placeholderData: keepPreviousData,
    }),
  verifiedPages: (query: Query<"/api/verify/results"> = {}) =>
    infiniteQueryOptions({
      queryKey: [...keys.verified, query],
      queryFn: ({ signal, pageParam: cursor }) =>
        take(client.GET("/api/verify/results", { params: { query: { ...query, cursor } }, signal })),
      initialPageParam: FIRST_PAGE,
      getNextPageParam: nextPage,
      placeholderData: keepPreviousData,
    }),
  symbolsStatus: (query: Query<"/api/data-ingestion/symbols-status"> = {}) =>
    queryOptions({
      queryKey: [...keys.symbolsStatus, query],
      queryFn: ({ signal }) =>
        take(client.GET("/api/data-ingestion/symbols-status", { params: { query }, signal })),
    }),
  runs: (query: Query<"/api/data-ingestion/runs"> = {}) =>
    queryOptions({
      queryKey: [...keys.runs, "list", query],
      queryFn: ({ signal }) => take(client.GET("/api/data-ingestion/runs", { params: { query }, signal })),
      placeholderData: keepPreviousData,
    }),
  run: (id: number) =>
    queryOptions({
      queryKey: [...keys.runs, "one", id],
      queryFn: ({ signal }) =>
        take(client.GET("/api/data-ingestion/status/{id}", { params: { path: { id } }, signal })),
    }),
  batch: (id: number, query: Query<"/api/data-ingestion/status-batch/{id}"> = {}) =>
    queryOptions({
      queryKey: [...keys.runs, "batch", id, query],
      queryFn: ({ signal }) =>
        take(
          client.GET("/api/data-ingestion/status-batch/{id}", { params: { path: { id }, query }, signal }),
        ),
    }),
  /** What fetching this history would take; only an operator may ask. */
  plan: (history: components["schemas"]["HistoryIn"]) =>
    queryOptions({
      queryKey: [...keys.plan, history],
      queryFn: ({ signal }) => take(client.POST("/api/data-ingestion/plan", { body: history, signal })),
      placeholderData: keepPreviousData,
      staleTime: 30_000,
      retry: false,
    }),
  gaps: (query: Query<"/api/data-ingestion/gaps"> = {}) =>
    queryOptions({
      queryKey: [...keys.gaps, query],
      queryFn: ({ signal }) => take(client.GET("/api/data-ingestion/gaps", { params: { query }, signal })),
      placeholderData: keepPreviousData,
    }),
  gapPages: (query: Query<"/api/data-ingestion/gaps"> = {}) =>
    infiniteQueryOptions({
      queryKey: [...keys.gaps, "pages", query],
      queryFn: ({ signal, pageParam: cursor }) =>
        take(client.GET("/api/data-ingestion/gaps", { params: { query: { ...query, cursor } }, signal })),
      initialPageParam: FIRST_PAGE,
      getNextPageParam: nextPage,
      placeholderData: keepPreviousData,
    }),
  jobs: () =>
    queryOptions({
      queryKey: keys.jobs,
      queryFn: ({ signal }) => take(client.GET("/api/scheduler/jobs", { signal })),
    }),
  schedulePreview: (schedule: string, timeZone: string) =>
    queryOptions({
      queryKey: ["schedulePreview", schedule, timeZone],
      queryFn: ({ signal }) =>
        take(
          client.GET("/api/scheduler/preview", {
            params: { query: { schedule, time_zone: timeZone } },
            signal,
          }),
        ),
      retry: false,
    }),
  leader: () =>
    queryOptions({
      queryKey: keys.leader,
      queryFn: ({ signal }) => take(client.GET("/api/scheduler/leader", { signal })),
    }),
  configSymbols: (all = false) =>
    queryOptions({
      queryKey: [...keys.config, "symbols", all],
      queryFn: ({ signal }) =>
        take(client.GET("/api/config/symbols", { params: { query: { all } }, signal })),
    }),
  exchangeSymbols: (search: string, limit = 50) =>
    queryOptions({
      queryKey: [...keys.config, "exchange", search, limit],
      queryFn: ({ signal }) =>
        take(client.GET("/api/config/exchange-symbols", { params: { query: { search, limit } }, signal })),
      placeholderData: keepPreviousData,
      staleTime: 60_000,
    }),
  settings: () =>
    queryOptions({
      queryKey: keys.settings,
      queryFn: ({ signal }) => take(client.GET("/api/config/settings", { signal })),
    }),
  rateLimit: () =>
    queryOptions({
      queryKey: keys.rateLimit,
      queryFn: ({ signal }) => take(client.GET("/api/rate-limit", { signal })),
    }),
  faults: () =>
    queryOptions({
      queryKey: keys.faults,
      queryFn: ({ signal }) => take(client.GET("/api/simulator/faults", { signal })),
    }),
  market: () =>
    queryOptions({
      queryKey: keys.market,
      queryFn: ({ signal }) => take(client.GET("/api/simulator/market", { signal })),
    }),
  system: () =>
    queryOptions({
      queryKey: keys.system,
      queryFn: ({ signal }) => take(client.GET("/api/system", { signal })),
      staleTime: 60_000,
    }),
  watermarks: () =>
    queryOptions({
      queryKey: keys.watermarks,
      queryFn: ({ signal }) => take(client.GET("/api/extraction/metadata", { signal })),
    }),
  notifications: (query: Query<"/api/notifications"> = {}) =>
    queryOptions({
      queryKey: [...keys.notifications, query],
      queryFn: ({ signal }) => take(client.GET("/api/notifications", { params: { query }, signal })),
    }),
  tokens: (revoked = false) =>
    queryOptions({
      queryKey: [...keys.tokens, revoked],
      queryFn: ({ signal }) => take(client.GET("/api/tokens", { params: { query: { revoked } }, signal })),
    }),
  audit: (query: Query<"/api/audit"> = {}) =>
    queryOptions({
      queryKey: [...keys.audit, query],
      queryFn: ({ signal }) => take(client.GET("/api/audit", { params: { query }, signal })),
    }),
};
