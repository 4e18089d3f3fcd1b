import type { Page } from "@playwright/test";
import { type Seen, sumUp, tell, tellFrames, tellLoad, Watch } from "./measuring";
import { expect, type Playground, test } from "./playground";

// `make bench-web`: how smoothly a chart pans. No test asserts a speed; that what is measured is so, they do.
test.use({ trace: "off", playgroundOptions: ["--symbols", "100", "--days", "1", "--wait"] });

const FEW = 200;
const MANY = 5_000;
const ROUNDS = 3;
const DRAGS = 4;
const STEPS = 60;
const STEP_PX = 6;
const DAYS = 12;
const MINUTE_MS = 60_000;

test("5,000 candles pan as 200 do", async ({ page, playground }) => {
  test.setTimeout(900_000);
  await fetchHistory(playground);
  const watch = await Watch.on(page);
  tellLoad("before");
  const panned: Record<number, Seen[]> = { [FEW]: [], [MANY]: [] };
  const resting: Seen[] = [];
  for (let round = 0; round < ROUNDS; round += 1)
    for (const bars of [FEW, MANY]) {
      await show(page, bars);
      await watch.take();
      await page.waitForTimeout(1_000);
      resting.push(await watch.take());
      await pan(page);
      panned[bars]?.push(await watch.take());
      await expectInView(page, bars);
    }
  const [few, many] = [sumUp(panned[FEW] ?? []), sumUp(panned[MANY] ?? [])];
  tellLoad("after");
  tellFrames("chart at rest", sumUp(resting));
  tellFrames(`panning ${FEW} candles`, few);
  tellFrames(`panning ${MANY.toLocaleString("en-US")} candles`, many);
  const ratio = (of: "medianMs" | "p95Ms" | "busyMs") => many[of] / few[of];
  tell(
    `${MANY.toLocaleString("en-US")} candles against ${FEW}, p95`,
    `${ratio("p95Ms").toFixed(2)} ×`,
    "",
    `median ${ratio("medianMs").toFixed(2)} ×, page at work ${ratio("busyMs").toFixed(2)} ×`,
  );
  expect(many.count).toBeGreaterThan(ROUNDS * DRAGS * 10);
});

/** Let one symbol have more history than a view of 5,000 candles shows when it is moved. */
async function fetchHistory(playground: Playground): Promise<void> {
  await playground.post("/api/data-ingestion/start", {
    symbols: ["BTCUSDT"],
    intervals: ["1m"],
    start: Date.now() - DAYS * 86_400_000,
  });
  const held = "SELECT COUNT(*) AS n FROM fact_klines WHERE symbol = 'BTCUSDT' AND interval_code = '1m'";
  await expect
    .poll(async () => Number((await playground.sql(held))[0]?.n), { timeout: 300_000 })
    .toBeGreaterThan(DAYS * 1_440 - 10);
}

/** Show so many candles that end a little before now, all of them there. */
async function show(page: Page, bars: number): Promise<void> {
  const toMs = Date.now() - (MANY / 2) * MINUTE_MS;
  const [from, to] = [toMs - bars * MINUTE_MS, toMs].map((ms) => new Date(ms).toISOString());
  await page.goto(`/analytics?symbol=BTCUSDT&interval=1m&from=${from}&to=${to}`);
  await expect(page.getByRole("application")).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading candles" })).toHaveCount(0);
  await expect(page.getByText("Loading history…")).toHaveCount(0);
}

/** Drag the chart to and fro with the mouse. */
async function pan(page: Page): Promise<void> {
  const box = await page.getByRole("application").boundingBox();
  if (!box) throw new Error("there is no chart");
  const [left, y] = [box.x + 100, box.y + box.height / 3];
  for (let drag = 0; drag < DRAGS; drag += 1) {
    const isForward = drag % 2 === 0;
    const at = (step: number) => left + STEP_PX * (isForward ? step : STEPS - step);
    await page.mouse.move(at(0), y);
    await page.mouse.down();
    for (let step = 1; step <= STEPS; step += 1) await page.mouse.move(at(step), y);
    await page.mouse.up();
  }
}

/** The address keeps what a person has moved to: so many candles are in view. */
async function expectInView(page: Page, bars: number): Promise<void> {
  await page.waitForTimeout(1_500);
  const query = new URL(page.url()).searchParams;
  const [from, to] = ["from", "to"].map((name) => Date.parse(query.get(name) ?? ""));
  const shown = ((to ?? 0) - (from ?? 0)) / MINUTE_MS;
  expect(Math.abs(shown - bars)).toBeLessThan(0.05 * bars + 10);
}
