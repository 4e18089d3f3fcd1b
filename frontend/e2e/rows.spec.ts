import { answeredCards, changedCards } from "./cards";
import { Watch } from "./measuring";
import { expect, test } from "./playground";
import { PATIENCE_MS } from "./waiting";

test("a dashboard touches the rows of symbols that have changed, and no other", async ({
  page,
  playground,
}) => {
  const symbol = "ETHUSDT";
  const watch = await Watch.on(page);
  const answers = answeredCards(page);
  await page.goto("/?view=table");
  await expect(page.getByRole("table", { name: "Symbols" }).locator("tbody tr")).toHaveCount(5);
  // From now on candles come for one symbol alone.
  await playground.post("/api/scheduler/jobs/cycle/disable");
  try {
    await page.waitForTimeout(8_000);
    const first = answers.length - 1;
    await watch.take();
    const held = `SELECT COUNT(*) AS n FROM fact_klines WHERE symbol = '${symbol}'`;
    const before = Number((await playground.sql(held))[0]?.n);
    await expect
      .poll(
        async () => {
          await playground.post("/api/data-ingestion/refresh", { symbols: [symbol] });
          return Number((await playground.sql(held))[0]?.n);
        },
        { timeout: 90_000, intervals: [5_000] },
      )
      .toBeGreaterThan(before);
    await expect
      .poll(() => changedCards(answers.slice(first)).has(symbol), { timeout: PATIENCE_MS })
      .toBe(true);
    await page.waitForTimeout(2_000);
    const changed = changedCards(answers.slice(first));
    const { rows } = await watch.take();
    expect(rows).toContain(symbol);
    expect(rows.filter((row) => !changed.has(row))).toEqual([]);
  } finally {
    await playground.post("/api/scheduler/jobs/cycle/enable");
  }
});
