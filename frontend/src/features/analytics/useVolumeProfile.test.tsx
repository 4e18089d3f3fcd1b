import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderHook, waitFor } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import type { ReactNode } from "react";
import type { Indicators } from "@/api/types";
import { server } from "@/test/server";
import type { Span } from "./pages";
import { Store } from "./store";
import { useVolumeProfile } from "./useVolumeProfile";

const MINUTE_MS = 60_000;
const PROFILE = { kind: "volume_profile", numbers: [2] } as const;

function withCache() {
  const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={cache}>{children}</QueryClientProvider>
  );
}

function answersProfiles(asked: URL[]) {
  return http.get("*/api/indicators/:symbol", ({ request, params }) => {
    asked.push(new URL(request.url));
    const price = params.symbol === "BTCUSDT" ? 60_000 : 3_000;
    const answer: Indicators = {
      exchange: "binance",
      symbol: String(params.symbol),
      interval: "1m",
      open_time_ms: [0, MINUTE_MS],
      values: {},
      volume_profile: {
        bins: [{ low: price, high: price + 10, volume: 3 }],
        point_of_control: price + 5,
        value_area_low: price,
        value_area_high: price + 10,
      },
    };
    return HttpResponse.json(answer);
  });
}

it("is of the whole candles in view, once the view stands still, and never of another symbol", async () => {
  const asked: URL[] = [];
  server.use(answersProfiles(asked));
  const seen = new Store<Span | null>(null);
  const { result, rerender } = renderHook(({ symbol }) => useVolumeProfile(symbol, "1m", seen, PROFILE), {
    wrapper: withCache(),
    initialProps: { symbol: "BTCUSDT" },
  });
  seen.set({ fromMs: 90_000, toMs: 100_000 });
  seen.set({ fromMs: 90_001, toMs: 130_000 });
  await waitFor(() => expect(result.current?.point_of_control).toBe(60_005), { timeout: 3_000 });
  expect(result.current?.candles).toBe(2);
  expect(asked.map(({ search }) => Object.fromEntries(new URLSearchParams(search)))).toEqual([
    { interval: "1m", start: "60000", end: "180000", limit: "5000", names: "volume_profile:2" },
  ]);
  rerender({ symbol: "ETHUSDT" });
  expect(result.current).toBeNull();
  await waitFor(() => expect(result.current?.point_of_control).toBe(3_005));
});

it("asks nothing where none is chosen", async () => {
  const asked: URL[] = [];
  server.use(answersProfiles(asked));
  const seen = new Store<Span | null>({ fromMs: 0, toMs: MINUTE_MS });
  const { result } = renderHook(() => useVolumeProfile("BTCUSDT", "1m", seen, undefined), {
    wrapper: withCache(),
  });
  await new Promise((done) => setTimeout(done, 600));
  expect(result.current).toBeNull();
  expect(asked).toEqual([]);
});
