import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { makeGap, makeRun, makeSeries, NOW_MS } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, server, takes } from "@/test/server";
import { Component } from "./DataPage";

const REFRESH = "/api/data-ingestion/refresh";
const CHECK = "/api/data-ingestion/gaps/check";
const FILL = "/api/data-ingestion/gaps/fill";
const series = ["BTCUSDT", "ETHUSDT", "SOLUSDT"].flatMap((symbol) => [
  makeSeries({ symbol }),
  makeSeries({ symbol, interval: "1h", gaps: 0 }),
]);

beforeEach(() => {
  server.use(
    answers("/api/data-ingestion/symbols-status", { exchange: "binance", now_ms: NOW_MS, series }),
    answers("/api/data-ingestion/status/12", { ...makeRun({ id: 12 }), steps: {}, events: [] }),
  );
});

it("refreshes the series from one box to the other, and follows the run", async () => {
  const sent: unknown[] = [];
  server.use(takes(REFRESH, { job_id: 12, is_led: true, series: 4 }, sent));
  renderPage(<Component />, "/data");
  const user = userEvent.setup();
  await user.click(await screen.findByRole("checkbox", { name: "Select BTCUSDT 1m" }));
  await user.keyboard("{Shift>}");
  await user.click(screen.getByRole("checkbox", { name: "Select ETHUSDT 1h" }));
  await user.keyboard("{/Shift}");
  expect(screen.getByText("4 selected")).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Refresh" }));
  expect(await screen.findByRole("link", { name: "run 12" })).toHaveAttribute("href", "/runs/12");
  expect(sent).toEqual([{ symbols: ["BTCUSDT", "ETHUSDT"], intervals: ["1h", "1m"] }]);
});

it("looks for gaps of all that is tracked where nothing is selected, and tells what it found", async () => {
  const sent: unknown[] = [];
  const found = { series: 6, detected: 1, filled: 2, reopened: 0, open: 4, missing: 90, lag_candles: 3 };
  server.use(takes(CHECK, found, sent));
  renderPage(<Component />, "/data");
  await userEvent.click(await screen.findByRole("button", { name: "Check gaps" }));
  expect(
    await screen.findByText(
      "Looked at 6 series: 1 new gap, 2 filled since; 4 open, which lack 90 candles. " +
        "At the ends of series 3 candles are still to come.",
    ),
  ).toBeInTheDocument();
  expect(sent).toEqual([{}]);
});

it("shows what the address asks for", async () => {
  renderPage(<Component />, "/data?symbol=ETHUSDT&gaps=1");
  const table = await screen.findByRole("table", { name: "Series" });
  expect(within(table).getAllByRole("link", { name: /its chart/ })).toHaveLength(1);
  expect(within(table).getByText("ETHUSDT")).toBeInTheDocument();
});

it("tells all of a gap and fills those that are selected", async () => {
  const sent: unknown[] = [];
  const evidence = [{ key: "2026-01-09/a.json", start_ms: 0, end_ms: 1, asked_ms: NOW_MS }];
  const gaps = [
    makeGap({
      state: "empty_at_exchange",
      reason_in_words: "nothing there",
      evidence,
      attempts: 2,
      run_id: 9,
    }),
    makeGap({ id: 4, state: "unfillable", reason_in_words: "beyond the API's reach" }),
  ];
  server.use(
    answers("/api/data-ingestion/gaps", { gaps, next_cursor: null }),
    takes(FILL, { job_id: 12, is_led: true }, sent),
  );
  renderPage(<Component />, "/data?tab=gaps");
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Details of BTCUSDT 1m, gap 3" }));
  expect(screen.getByText("2026-01-09/a.json")).toBeInTheDocument();
  expect(screen.getByRole("link", { name: "run 9" })).toHaveAttribute("href", "/runs/9");
  expect(screen.getByRole("checkbox", { name: "Select BTCUSDT 1m, gap 4" })).toBeDisabled();
  await user.click(screen.getByRole("checkbox", { name: "Select all that can be filled" }));
  await user.click(screen.getByRole("button", { name: "Fill selected" }));
  expect(await screen.findByText(/Fill gap 3/)).toBeInTheDocument();
  expect(sent).toEqual([{ ids: [3] }]);
});
