import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import type { Lineage } from "@/api/types";
import { renderPage } from "@/test/render";
import { answers, server } from "@/test/server";
import { LineageDrawer, listOpens, originText } from "./LineageDrawer";

const AT = Date.UTC(2026, 0, 9, 14);
const MINUTE = 60_000;

function makeLineage(openMs: number, over: Partial<Lineage> = {}): Lineage {
  return {
    exchange: "binance",
    symbol: "BTCUSDT",
    interval: "1m",
    open_time_ms: openMs,
    open_time: new Date(openMs).toISOString(),
    candle: {
      open_time: "2026-01-09T14:00:00.000",
      open_price: "100.00000000",
      high_price: "110.00000000",
      low_price: "95.00000000",
      close_price: "105.12340000",
      volume: "12.50000000",
      close_time: "2026-01-09T14:00:59.999",
      quote_volume: "1300.00000000",
      trade_count: "42",
      taker_buy_volume: "6.00000000",
      taker_buy_quote_volume: "630.00000000",
    },
    why_not: null,
    gap_id: null,
    object: {
      id: 14,
      key: "2026-01-09/BTCUSDT_klines_1767968400123.json",
      bucket: "raw",
      state: "loaded",
      sha256: "ab12",
      size_bytes: 61_000,
      captured_ms: AT + MINUTE,
      captured: "2026-01-09T14:01:00.000Z",
      exchange_time_ms: AT + MINUTE,
      loaded_ms: AT + MINUTE,
      run_id: 12,
      request: { url: "https://api.example.org/api/v3/klines", params: { symbol: "BTCUSDT" }, weight: 2 },
      row: 255,
      problem: null,
    },
    rollups: [{ length: "1h", start_ms: AT, candle_count: 60, sealed_at_ms: null }],
    earlier_versions: [],
    ...over,
  };
}

const drawer = (interval: "1m" | "5m", openMs: number) => (
  <LineageDrawer symbol="BTCUSDT" interval={interval} openMs={openMs} stored={["1m"]} onClose={() => {}} />
);

it("shows the object, the request and the run that a candle came by", async () => {
  server.use(answers("/api/lineage/BTCUSDT", makeLineage(AT)));
  renderPage(drawer("1m", AT));
  expect(await screen.findByText("2026-01-09/BTCUSDT_klines_1767968400123.json")).toBeVisible();
  expect(screen.getByText("105.1234")).toBeVisible();
  expect(screen.getByText("candle 256")).toBeVisible();
  expect(screen.getByText("https://api.example.org/api/v3/klines?symbol=BTCUSDT")).toBeVisible();
  expect(screen.getByRole("link", { name: "run 12" })).toHaveAttribute("href", "/runs/12");
  expect(screen.getByText(/60 candles, not sealed yet/)).toBeVisible();
});

it("says why there is no candle, and leads to its gap", async () => {
  const lineage = makeLineage(AT, {
    candle: null,
    object: null,
    rollups: [],
    why_not: "a known outage",
    gap_id: 3,
  });
  server.use(answers("/api/lineage/BTCUSDT", lineage));
  renderPage(drawer("1m", AT));
  expect(await screen.findByText("a known outage")).toBeVisible();
  expect(screen.getByRole("link", { name: /gap 3/ })).toHaveAttribute(
    "href",
    "/data?symbol=BTCUSDT&interval=1m",
  );
});

it("goes through the candles that a bar is put together from", async () => {
  const asked: number[] = [];
  server.use(
    http.get("*/api/lineage/BTCUSDT", ({ request }) => {
      const time = Number(new URL(request.url).searchParams.get("time"));
      asked.push((time - AT) / MINUTE);
      return HttpResponse.json(makeLineage(time));
    }),
  );
  renderPage(drawer("5m", AT));
  expect(await screen.findByText(/put together from 5 of 1m/)).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "The candle after" }));
  expect(await screen.findByText(/2 of 5/)).toBeVisible();
  await screen.findByText("candle 256");
  expect(asked).toEqual([0, 1]);
});

it("knows of which candles a bar is made, and says it", () => {
  expect(listOpens("1m", AT, AT + 3 * MINUTE)).toEqual([AT, AT + MINUTE, AT + 2 * MINUTE]);
  expect(originText("1m", "1m", ["1m"], 1)).toContain("as the exchange sends them");
  expect(originText("1h", "1h", ["1h", "1m"], 1)).toContain(
    "rollup of its minutes where that is whole; where",
  );
  expect(originText("1h", "1m", ["1m"], 60)).not.toContain("where it is not");
});
