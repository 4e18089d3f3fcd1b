/**
 * Follows `/api/events` and makes stale what an event names. One stream serves the whole app; while there is
 * none (the server has no room, or is away), pages ask again every few seconds instead: see `useRefresh`.
 */
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { addressOf } from "./client";
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

const SETTLE_MS = 1_000; // events that come in one go cost one question
const RETRY_MS = 5_000;
const POLL_MS = 5_000;
const SAFETY_MS = 60_000; // should an event ever be lost

let link: Link = "connecting";
const listeners = new Set<() => void>();
const candleListeners = new Set<(series: SeriesLoaded[] | null) => void>();

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
  const open = () => {
    source = new EventSource(addressOf("/api/events"));
    source.addEventListener("ready", () => setLink("live"));
    source.addEventListener("candles", (event) => {
      note("candles");
      const { series } = JSON.parse(event.data) as { series: SeriesLoaded[] | null };
      for (const tell of candleListeners) tell(series);
    });
    for (const name of ["runs", "jobs", "notifications"]) source.addEventListener(name, () => note(name));
    source.addEventListener("reset", () => {
      setLink("live");
      void cache.invalidateQueries();
    });
    source.onopen = () => {
      // What happened while nobody listened is not told to a new stream.
      if (link === "polling") void cache.invalidateQueries();
      setLink("live");
    };
    source.onerror = () => {
      setLink("polling");
      source?.close(); // a browser gives up for good after a 503
      retry = setTimeout(open, RETRY_MS);
    };
  };
  open();
  return () => {
    source?.close();
    clearTimeout(retry);
    clearTimeout(settle);
    setLink("connecting");
  };
}
