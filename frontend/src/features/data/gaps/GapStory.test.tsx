import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { makeGap, NOW_MS } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, server } from "@/test/server";
import { GapStory } from "./GapStory";

const KEY = "2026-01-09/BTCUSDT_klines_1767968400123.json";
const GAP = makeGap({
  state: "empty_at_exchange",
  evidence: [{ key: KEY, start_ms: NOW_MS - 7_200_000, end_ms: NOW_MS, asked_ms: NOW_MS }],
});

const SOURCE = {
  id: 14,
  key: KEY,
  bucket: "raw",
  state: "loaded",
  sha256: "ab12",
  size_bytes: 700,
  captured_ms: NOW_MS,
  captured: "2026-01-09T14:30:00.000Z",
  exchange_time_ms: NOW_MS,
  loaded_ms: NOW_MS,
  run_id: 12,
  request: { url: "https://api.example.org/api/v3/klines", params: { symbol: "BTCUSDT" }, weight: 2 },
  row: null,
  problem: null,
};

it("opens an answer that proves a gap, and shows what the exchange said", async () => {
  const asked: (string | null)[] = [];
  server.use(
    answers("/api/objects", SOURCE),
    http.get("*/api/objects/answer", ({ request }) => {
      asked.push(new URL(request.url).searchParams.get("key"));
      return new HttpResponse("[]", { headers: { "Content-Type": "application/json" } });
    }),
  );
  renderPage(<GapStory gap={GAP} />);
  await userEvent.click(screen.getByRole("button", { name: KEY }));
  expect(await screen.findByText(/klines\?symbol=BTCUSDT/)).toBeVisible();
  expect(asked).toEqual([]);
  await userEvent.click(screen.getByRole("button", { name: /Show what the exchange answered/ }));
  expect(await screen.findByText("[]")).toBeVisible();
  expect(asked).toEqual([KEY]);
});

it("says why an answer cannot be opened, and offers none", async () => {
  const problem = "not in the lake's raw bucket: restore it from a backup";
  server.use(answers("/api/objects", { ...SOURCE, request: null, problem }));
  renderPage(<GapStory gap={GAP} />);
  await userEvent.click(screen.getByRole("button", { name: KEY }));
  expect(await screen.findByText(/restore it from a backup/)).toBeVisible();
  expect(screen.queryByRole("button", { name: /what the exchange answered/ })).toBeNull();
});
