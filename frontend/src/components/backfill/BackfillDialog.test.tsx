import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { makeSession } from "@/test/factories";
import { renderPage } from "@/test/render";
import { makePlan, makeSeriesPlan } from "@/test/runFactories";
import { answers, server, takes } from "@/test/server";
import { BackfillDialog } from "./BackfillDialog";

// A plan waits until the choice has stood for a moment.
const SOON = { timeout: 15_000 };
vi.setConfig({ testTimeout: 30_000 });
const around = [
  answers("/api/symbols", { symbols: [], next_cursor: null }),
  answers("/api/config/exchange-symbols", { exchange: "binance", is_complete: true, found: 0, symbols: [] }),
  answers("/api/config/settings", { settings: [] }),
];

function open() {
  renderPage(<BackfillDialog opened onClose={() => undefined} symbols={["BTCUSDT"]} />);
}

it("shows the plan of what is chosen, and starts exactly that", async () => {
  const planned: unknown[] = [];
  const started: unknown[] = [];
  const plan = makePlan({ series: [makeSeriesPlan({ held: 1_440, kept_days: 0 })] });
  server.use(
    ...around,
    takes("/api/data-ingestion/plan", plan, planned),
    takes("/api/data-ingestion/start", { job_id: 12, is_led: true, total_combinations: 1, plan }, started),
  );
  open();
  await userEvent.click(await screen.findByRole("button", { name: "Fetch 43,200 candles" }, SOON));
  expect(screen.getByText("weight 88, at 2,880 a minute")).toBeVisible();
  expect(planned[0]).toEqual({ symbols: ["BTCUSDT"], intervals: ["1m"], start: expect.any(Number) });
  await vi.waitFor(() => expect(started).toEqual([{ ...(planned[0] as object), keep_days: 0, yes: false }]));
});

it("does not start a huge fetch before it is said to be meant", async () => {
  const plan = makePlan({ series: [makeSeriesPlan({ candles: 30_000_000 })] });
  server.use(...around, takes("/api/data-ingestion/plan", plan));
  open();
  const yes = await screen.findByRole("checkbox", { name: "Yes, I mean 30,000,000 candles" }, SOON);
  expect(screen.getByRole("button", { name: "Start" })).toBeDisabled();
  await userEvent.click(yes);
  expect(screen.getByRole("button", { name: "Fetch 30,000,000 candles" })).toBeEnabled();
});

it("asks a viewer to log in before it plans", async () => {
  server.use(answers("/api/session", makeSession({ role: "viewer", name: null })), ...around);
  open();
  expect(await screen.findByRole("button", { name: "Log in to see the plan" })).toBeVisible();
  expect(screen.getByRole("button", { name: "Start" })).toBeDisabled();
});
