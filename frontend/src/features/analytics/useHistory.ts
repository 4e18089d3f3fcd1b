/** The pages of candles and indicators that are held, kept true while candles are loaded. */
import { type QueryClient, useQueries, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { onCandles, onPrices, useRefresh } from "@/api/live";
import { keys, queries } from "@/api/queries";
import type { Candlesticks, Interval } from "@/api/types";
import { roughMs } from "@/lib/interval";
import { extend, listPages, PAGE_LIMIT, type Pages, pageOf, pagesFor, type Span, windowOf } from "./pages";

const SETTLE_MS = 1_000;
const SETTLED = new Set(["filled", "empty_at_exchange", "unfillable"]);
// The exchange is asked again for what it may have amended in the last two days.
const RECENT_MS = 2 * 86_400_000;
const LOOK_AGAIN_MS = 10 * 60_000;

// What is past changes rarely, and events tell of that: coming back to the window is no reason to ask for it all.
const PAST = { staleTime: 60_000, refetchOnWindowFocus: false, refetchOnReconnect: false } as const;

/** Which pages are held of a series: those around what has been seen. */
export function useHeldPages(
  symbol: string,
  interval: Interval,
  begin: Span,
  bounds: Span,
): [Pages, (seen: Span) => void] {
  const key = `${symbol} ${interval}`;
  const [held, setHeld] = useState<{ key: string; pages: Pages }>();
  const pages = useMemo(
    () => (held?.key === key ? held.pages : pagesFor(interval, begin, bounds)),
    [held, key, interval, begin, bounds],
  );
  const see = useCallback(
    (seen: Span) =>
      setHeld((before) => {
        const from = before?.key === key ? before.pages : pages;
        const after = extend(from, pagesFor(interval, seen, bounds));
        return before?.key === key && after === before.pages ? before : { key, pages: after };
      }),
    [key, interval, bounds, pages],
  );
  return [pages, see];
}

/** The pages of candles of one symbol, oldest first, as far as they are there. */
export function useCandlePages(symbol: string | null, interval: Interval, pages: Pages) {
  const refetchInterval = useRefresh();
  const nowPage = pageOf(interval, Date.now());
  return useQueries({
    queries: (symbol ? listPages(pages) : []).map((page) => ({
      ...queries.candlesticks(symbol ?? "", { interval, limit: PAGE_LIMIT, ...windowOf(interval, page) }),
      placeholderData: undefined, // what another page holds is no stand-in
      ...(page >= nowPage ? { refetchInterval } : PAST),
    })),
    combine: combinePages,
  });
}

/** Values of indicators beside the same pages. */
export function useIndicatorPages(
  symbol: string,
  interval: Interval,
  pages: Pages,
  names: readonly string[],
) {
  const refetchInterval = useRefresh();
  const nowPage = pageOf(interval, Date.now());
  return useQueries({
    queries: (names.length > 0 ? listPages(pages) : []).map((page) => ({
      ...queries.indicators(symbol, {
        interval,
        limit: PAGE_LIMIT,
        names: [...names],
        ...windowOf(interval, page),
      }),
      ...(page >= nowPage ? { refetchInterval } : PAST),
    })),
    combine: combinePages,
  });
}

type Result<T> = { data: T | undefined; error: Error | null; isFetching: boolean; refetch: () => unknown };

function combinePages<T>(results: readonly Result<T>[]) {
  return {
    pages: results.map((one) => one.data),
    error: results.find((one) => one.error)?.error ?? null,
    isWaiting: results.some((one) => one.data === undefined && !one.error),
    retry: () => {
      for (const one of results) if (one.error) void one.refetch();
    },
  };
}

/** Ask anew for pages that may have changed when candles of these symbols are loaded, or their prices move. */
export function useLivePages(symbols: readonly (string | null)[]) {
  const cache = useQueryClient();
  const names = symbols.join(" ");
  useEffect(() => {
    const watched = new Set(names.split(" "));
    let settle: ReturnType<typeof setTimeout> | undefined;
    let isLoaded = false;
    const note = (moved: readonly { symbol: string }[] | null, areCandles: boolean) => {
      if (moved && !moved.some((one) => watched.has(one.symbol))) return;
      isLoaded ||= areCandles;
      settle ??= setTimeout(() => {
        refreshPages(cache, watched, isLoaded);
        settle = undefined;
        isLoaded = false;
      }, SETTLE_MS);
    };
    const ends = [
      onCandles((series) => note(series, true)),
      onPrices((symbols) => note(symbols, false)),
      () => clearTimeout(settle),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, [cache, names]);
}

/** Where prices alone have moved, forming bars have changed; no indicator has a value there. */
function refreshPages(cache: QueryClient, symbols: ReadonlySet<string>, isLoaded: boolean) {
  const isOld = isLoaded ? mayHaveChanged : hasForming;
  const changed = new Set<string>();
  const found = cache.getQueryCache().findAll({ queryKey: keys.candles });
  for (const { queryKey, state } of found) {
    const page = state.data as Candlesticks | undefined;
    const symbol = String(queryKey[1]);
    const { start, end } = (queryKey[2] ?? {}) as { start?: number; end?: number };
    if (!page || !symbols.has(symbol) || start === undefined) continue;
    if (isOld(page, start, end, state.dataUpdatedAt, Date.now())) changed.add(`${symbol} ${start}`);
  }
  void cache.invalidateQueries({
    predicate: ({ queryKey: [name, symbol, query] }) =>
      (name === keys.candles[0] || (isLoaded && name === keys.indicators[0])) &&
      changed.has(`${symbol} ${(query as { start?: number } | undefined)?.start}`),
  });
}

/** Whether a page shows the price as it is now. */
function hasForming(page: Candlesticks): boolean {
  return page.forming !== null;
}

/** Whether loading candles may have changed a page: it is not full, has a gap that may be filled, or is recent. */
export function mayHaveChanged(
  page: Candlesticks,
  start: number,
  end: number | undefined,
  updatedMs: number,
  nowMs: number,
): boolean {
  const first = page.candles[0];
  if (page.forming !== null || first === undefined) return true;
  if (first.open_time_ms - start > roughMs(page.interval)) return true;
  if (page.gaps.some((gap) => gap.state === null || !SETTLED.has(gap.state))) return true;
  return (end ?? nowMs) > nowMs - RECENT_MS && updatedMs < nowMs - LOOK_AGAIN_MS;
}
