import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { Interval, Tier } from "@/api/types";

const STALE = [keys.config, keys.symbols, keys.dashboard, keys.symbolsStatus, keys.coverage];

export function useAdd(onDone: () => void) {
  return useAction({
    act: (body: { symbols: string[]; intervals: Interval[] }) =>
      take(client.POST("/api/config/symbols", { body })),
    makesStale: STALE,
    told: (_, { symbols }) => `${symbols.join(", ")}: tracked from now on.`,
    onDone,
  });
}

export function useRemove() {
  return useAction({
    act: (symbol: string) =>
      take(client.DELETE("/api/config/symbols/{symbol}", { params: { path: { symbol } } })),
    makesStale: STALE,
    told: (_, symbol) => `${symbol} is no longer tracked; what is held of it stays.`,
  });
}

type Change = { symbol: string; interval: Interval; tier?: Tier; keep_days?: number | null };

export function useChangeSeries() {
  return useAction({
    act: ({ symbol, ...body }: Change) =>
      take(client.PATCH("/api/config/symbols/{symbol}", { params: { path: { symbol } }, body })),
    makesStale: STALE,
    told: (_, { symbol, interval }) => `${symbol} ${interval} is changed.`,
  });
}
