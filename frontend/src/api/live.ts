/**
 * Follows `/api/events` and makes stale what an event names. One stream serves the whole app; while there is
 * none (the server has no room, or is away), pages ask again every few seconds instead: see `useRefresh`. A page
 * that nobody sees gives its stream back: a browser has six connections a host, for all tabs together.
 */
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { addressOf } from "./client";
import { watchHidden } from "./hidden";
import { keys } from "./queries";

/** `live`: events come. `polling`: asking every few seconds. `connecting`: not known yet. */
export type Link = "connecting" | "live" | "polling";

export type SeriesLoaded = {
  exchange: string;
  symbol: string;
  interval: string;
  load_version: number;
  last_open_ms: number | null;
};

export type PriceMoved = { exchange: string; symbol: string };

const SETTLE_MS = 1_000; // events that come in one go cost one question
const RETRY_MS = 5_000;
const HIDDEN_MS = 10_000; // a glance at another tab costs nothing
const POLL_MS = 5_000;
const SAFETY_MS = 60_000; // should an event ever be lost

let link: Link = "connecting";
const listeners = new Set<() => void>();
const candleListeners = new Set<(series: SeriesLoaded[] | null) => void>();
const priceListeners = new Set<(symbols: PriceMoved[] | null) => void>();

function setLink(now: Link) {
  if (link === now) return;
  link = now;
  for (const tell of listeners) tell();
}

export function useLink(): Link {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => link,
  );
}

/** Return how often a page should ask by itself, in milliseconds: hardly ever while events come. */
export function useRefresh(pollMs = POLL_MS): number {
  return useLink() === "live" ? Math.max(SAFETY_MS, pollMs) : pollMs;
}

/** Call *tell* with the series that were loaded, null for any; return what ends that. */
export function onCandles(tell: (series: SeriesLoaded[] | null) => void): () => void {
  candleListeners.add(tell);
  return () => candleListeners.delete(tell);
}

/** Call *tell* with the symbols whose forming candle has moved, null for any; return what ends that. */
export function onPrices(tell: (symbols: PriceMoved[] | null) => void): () => void {
  priceListeners.add(tell);
  return () => priceListeners.delete(tell);
}

const STALE_BY: Record<string, readonly (readonly string[])[]> = {
  candles: [
    keys.dashboard,
    keys.symbols,
    keys.orderBook,
    keys.statistics,
    keys.pipeline,
    keys.ingestionLog,
    keys.symbolsStatus,
    keys.config,
    keys.coverage,
    keys.gaps,
    keys.rateLimit,
    keys.restatements,
  ],
  prices: [keys.dashboard, keys.statistics],
  runs: [
    keys.runs,
    keys.symbolsStatus,
    keys.gaps,
    keys.jobs,
    keys.rateLimit,
    keys.quarantine,
    keys.quality,
    keys.verified,
  ],
  jobs: [keys.jobs],
  notifications: [keys.notifications, keys.health],
};

/** Keep *cache* true by events until the function that is returned is called. */
export function followEvents(cache: QueryClient): () => void {
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let settle: ReturnType<typeof setTimeout> | undefined;
  let lastId: string | undefined;
  const waiting = new Set<string>();

  const refresh = () => {
    settle = undefined;
    const resources = new Set([...waiting].flatMap((name) => (STALE_BY[name] ?? []).map((key) => key[0])));
    waiting.clear();
    void cache.invalidateQueries({ predicate: ({ queryKey }) => resources.has(String(queryKey[0])) });
  };
  const note = (name: string) => {
    waiting.add(name);
    settle ??= setTimeout(refresh, SETTLE_MS);
  };
  const tellPrices = (symbols: PriceMoved[] | null) => {
    note("prices");
    for (const tell of priceListeners) tell(symbols);
  };
  const open = () => {
    const opened = new EventSource(addressOf("/api/events", { last_event_id: lastId }));
    source = opened;
    const listen = (name: string, hear: (data: string) => void) =>
      opened.addEventListener(name, (event) => {
        if (event.lastEventId) lastId = event.lastEventId;
        hear(event.data);
      });
    listen("ready", () => setLink("live"));
    listen("candles", (data) => {
      note("candles");
      const { series } = JSON.parse(data) as { series: SeriesLoaded[] | null };
      for (const tell of candleListeners) tell(series);
    });
    listen("prices", (data) => tellPrices((JSON.parse(data) as { symbols: PriceMoved[] | null }).symbols));
    for (const name of ["runs", "jobs", "notifications"]) listen(name, () => note(name));
    listen("reset", () => {
      setLink("live");
      void cache.invalidateQueries();
    });
    opened.onopen = () => {
      // What happened while nobody listened is not told to a new stream.
      if (link === "polling") void cache.invalidateQueries();
      setLink("live");
    };
    opened.onerror = () => {
      setLink("polling");
      opened.close(); // a browser gives up for good after a 503
      retry = setTimeout(open, RETRY_MS);
    };
  };
  const close = () => {
    source?.close();
    clearTimeout(retry);
  };
  open();
  const end = watchHidden(HIDDEN_MS, close, () => {
    open();
    tellPrices(null); // the stream tells what was missed, but for prices
  });
  return () => {
    end();
    close();
    clearTimeout(settle);
    setLink("connecting");
  };
}
