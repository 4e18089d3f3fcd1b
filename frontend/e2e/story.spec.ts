import type { Page } from "@playwright/test";
import { count, price } from "../src/lib/format";
import { duration, timeText } from "../src/lib/time";
import { shadedColumns } from "./canvas";
import { figure, numberIn } from "./figures";
import { expect, test } from "./playground";
import { PATIENCE_MS, timed } from "./waiting";

// One person's first hour, on an empty installation: each test goes on where the one before it ended.
test.describe.configure({ mode: "serial" });
test.use({ playgroundOptions: ["--symbols", "0"] });

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
const HOLE = { agoMinutes: 300, minutes: 60 };
const LONG_MS = 240_000;

let page: Page;
let batch = 0;

test.beforeAll(async ({ browser, playground }) => {
  page = await browser.newPage({ baseURL: playground.at.url });
  await playground.login(page);
});
test.afterAll(() => page?.close());

test("first visit: nothing is tracked, and the way leads to Get started", async ({ playground }) => {
  expect(await playground.sql("SELECT id FROM series WHERE tracked = 1")).toEqual([]);
  await expect(page.getByRole("heading", { name: "Dashboard" })).toBeVisible();
  await page.getByRole("link", { name: "Get started" }).first().click();
  await expect(page.getByRole("heading", { name: "Get started" })).toBeVisible();
});

test("get started: the plan tells what the database holds, and what is to come", async ({ playground }) => {
  await playground.changeMarket(`hole:symbol=BTCUSDT,from=-${HOLE.agoMinutes}m,minutes=${HOLE.minutes}`);
  await page.getByText("A year", { exact: true }).click();
  await page.getByText("30 days", { exact: true }).click();
  const plan = page.getByTestId("plan");
  const wanted = (2 * 30 * DAY_MS) / MINUTE_MS;
  await expect(plan).toHaveAttribute("aria-busy", "false");
  // The choice ends at the full minute in which it was opened, the plan at the newest closed candle.
  await expect
    .poll(async () => Math.abs((await numberIn(figure(plan, "To fetch"))) - wanted))
    .toBeLessThan(20);
  expect(await numberIn(figure(plan, "Held already"))).toBe(0);
  expect(await numberIn(figure(plan, "Requests"))).toBeGreaterThanOrEqual(wanted / 1_000);
  const promised = await numberIn(figure(plan, "To fetch"));
  await page.getByRole("button", { name: /^Start: fetch/ }).click();
  await expect(page).toHaveURL(/batch=\d+/);
  batch = Number(new URL(page.url()).searchParams.get("batch"));
  await expect
    .poll(async () => Number((await playground.sql(`SELECT total FROM runs WHERE id = ${batch}`))[0]?.total))
    .toBeGreaterThan(0);
  const [row] = await playground.sql(`SELECT total FROM runs WHERE id = ${batch}`);
  console.log(`  plan: ${promised} candles; the batch in the database: ${row?.total}`);
  // The batch was asked for a moment later than the plan: a candle may have closed in each series.
  expect(Math.abs(Number(row?.total) - promised)).toBeLessThanOrEqual(20);
});

test("the backfill is watched: counts and time left are the database's", async ({ playground }) => {
  test.setTimeout(LONG_MS);
  const told = new Set<string>();
  const seen: string[] = [];
  const progress = page.getByTestId("batch-progress");
  let state = "";
  while (!["succeeded", "partly_failed", "failed"].includes(state)) {
    const [row] = await playground.sql(`SELECT state, done, time_left_ms FROM runs WHERE id = ${batch}`);
    state = String(row?.state);
    const left = row?.time_left_ms == null ? "not known yet" : duration(Number(row.time_left_ms));
    told.add(`${count(Number(row?.done))} candles, ${left}`);
    const [done, timeLeft] = await Promise.all(
      ["Candles", "Time left"].map((name) => figure(progress, name).allTextContents()),
    );
    if (timeLeft?.[0]) seen.push(`${done?.[0]} candles, ${timeLeft[0]}`);
  }
  const distinct = [...new Set(seen)];
  const unknown = distinct.filter((one) => !told.has(one));
  console.log(
    `  watched: ${distinct.length} steps on the page, ${told.size} in the database: ${distinct.at(-1)}`,
  );
  expect(distinct.length).toBeGreaterThan(1);
  // The database is asked many times a second; a step of it that was missed between two looks may be seen.
  expect(unknown.length).toBeLessThanOrEqual(Math.ceil(distinct.length / 4));
  await expect(progress).not.toContainText("Time left");
  const [held] = await playground.sql(
    `SELECT COUNT(*) AS n FROM fact_klines WHERE symbol = 'ETHUSDT' AND interval_code = '1m'`,
  );
  expect(Number(held?.n)).toBeGreaterThanOrEqual((30 * DAY_MS) / MINUTE_MS - 2);
  await page.getByRole("link", { name: /^Look at the chart of/ }).click();
  await expect(page.getByRole("application")).toBeVisible();
});

test("the chart shades the gap where the database has it, and heals while it is open", async ({
  browser,
  playground,
}) => {
  test.setTimeout(LONG_MS);
  await page.goto("/data");
  await page.getByRole("button", { name: "Check gaps" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Looked at 2 series" })).toBeVisible();
  const [gap] = await playground.sql(
    `SELECT id, start_time, end_time, missing FROM gaps WHERE state <> 'filled' ORDER BY missing DESC`,
  );
  expect(Number(gap?.missing)).toBe(HOLE.minutes);
  const [fromMs, toMs] = [msOf(gap?.start_time) - 60 * MINUTE_MS, msOf(gap?.end_time) + 90 * MINUTE_MS];
  const bars = (toMs - fromMs) / MINUTE_MS + 1;
  const expected = [msOf(gap?.start_time), msOf(gap?.end_time)].map((ms) => (ms - fromMs) / MINUTE_MS / bars);

  const chart = await browser.newPage({ baseURL: playground.at.url });
  const span = `from=${new Date(fromMs).toISOString()}&to=${new Date(toMs).toISOString()}`;
  await chart.goto(`/analytics?symbol=BTCUSDT&interval=1m&${span}`);
  await expect.poll(() => shadedColumns(chart), { timeout: PATIENCE_MS }).toHaveLength(1);
  const [shade] = await shadedColumns(chart);
  console.log(
    `  gap: shaded from ${shade?.from.toFixed(3)} to ${shade?.to.toFixed(3)} of the chart's width,`,
  );
  console.log(`       by the database from ${expected[0]?.toFixed(3)} to ${expected[1]?.toFixed(3)}`);
  expect(Math.abs((shade?.from ?? 0) - (expected[0] ?? 0))).toBeLessThan(2 / bars);
  expect(Math.abs((shade?.to ?? 0) - (expected[1] ?? 0))).toBeLessThan(2 / bars);

  await page.goto("/simulator");
  await page.getByRole("button", { name: "Take back the hole" }).click();
  await expect(page.getByText("The market is as it came.")).toBeVisible();
  await page.goto("/data?tab=gaps");
  await page.getByRole("checkbox", { name: `Select BTCUSDT 1m, gap ${gap?.id}` }).check();
  await page.getByRole("button", { name: "Fill selected" }).click();
  await expect
    .poll(async () => (await playground.sql(`SELECT state FROM gaps WHERE id = ${gap?.id}`))[0]?.state, {
      timeout: 2 * PATIENCE_MS,
    })
    .toBe("filled");
  await timed("gap filled, the open chart shows no shade", () =>
    expect.poll(() => shadedColumns(chart), { timeout: PATIENCE_MS }).toHaveLength(0),
  );
  await expect(page.getByRole("checkbox", { name: `Select BTCUSDT 1m, gap ${gap?.id}` })).toHaveCount(0, {
    timeout: PATIENCE_MS,
  });
  await chart.close();
});

test("a backfill is cancelled and resumed, and nothing of it is fetched twice", async ({ playground }) => {
  test.setTimeout(LONG_MS);
  const ofEth = "FROM fact_klines WHERE symbol = 'ETHUSDT' AND interval_code = '1m'";
  await playground.throwFault("slow:delay=2,path=klines,symbol=ETHUSDT");
  await page.goto("/runs");
  await page.getByRole("button", { name: "Backfill history" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "Symbols" }).click();
  await page.getByRole("option", { name: "ETHUSDT" }).click();
  await page.keyboard.press("Tab");
  await dialog.getByText("90 days", { exact: true }).click();
  const plan = dialog.getByTestId("plan");
  await expect.poll(() => numberIn(figure(plan, "To fetch"))).toBeGreaterThan(0);
  await expect(plan).toHaveAttribute("aria-busy", "false");
  const [held] = await playground.sql(`SELECT COUNT(*) AS n ${ofEth}`);
  const [toFetch, heldAlready] = [
    await numberIn(figure(plan, "To fetch")),
    await numberIn(figure(plan, "Held already")),
  ];
  console.log(`  plan: ${heldAlready} held, ${toFetch} to fetch; the database holds ${held?.n}`);
  expect(Math.abs(heldAlready - Number(held?.n))).toBeLessThanOrEqual(5);
  expect(Math.abs(toFetch + heldAlready - (90 * DAY_MS) / MINUTE_MS)).toBeLessThanOrEqual(5);
  await dialog.getByRole("button", { name: /^Fetch/ }).click();
  await expect(page).toHaveURL(/\/runs\/\d+/);
  const id = Number(/\d+$/.exec(new URL(page.url()).pathname)?.[0]);

  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel it" }).click();
  await expect(page.getByRole("main").getByText("cancelled", { exact: true }).first()).toBeVisible({
    timeout: PATIENCE_MS,
  });
  const state = async () => (await playground.sql(`SELECT state FROM runs WHERE id = ${id}`))[0]?.state;
  await expect.poll(state, { timeout: PATIENCE_MS }).toBe("cancelled");
  const [before] = await playground.sql(`SELECT COUNT(*) AS n ${ofEth}`);
  await playground.heal();
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await expect.poll(state, { timeout: 2 * PATIENCE_MS }).toBe("succeeded");
  await expect(page.getByRole("main").getByText("succeeded", { exact: true }).first()).toBeVisible();
  const [after] = await playground.sql(`SELECT COUNT(*) AS n ${ofEth}`);
  console.log(`  cancelled at ${before?.n} candles of ETHUSDT, resumed to ${after?.n}`);
  expect(Number(after?.n)).toBeGreaterThanOrEqual(toFetch + heldAlready);
  const [fetched] = await playground.sql(`SELECT SUM(fetched) AS n FROM runs WHERE parent_id = ${id}`);
  expect(Number(fetched?.n)).toBe(toFetch);
});

test("a schedule is changed", async ({ playground }) => {
  await page.goto("/scheduler");
  await page.getByRole("button", { name: /^Edit .*disk/i }).click();
  await page.getByRole("textbox", { name: "Schedule" }).fill("every 7min");
  const drawer = page.getByRole("dialog");
  await expect(drawer.getByText("Runs every 7 minutes")).toBeVisible();
  await expect(drawer.getByRole("listitem")).toHaveCount(5);
  await drawer.getByRole("button", { name: "Save" }).first().click();
  await expect(page.getByRole("table", { name: "Jobs" })).toContainText("every 7 minutes");
  const [job] = await playground.sql("SELECT schedule FROM jobs WHERE id = 'watch_disk'");
  expect(String(job?.schedule)).toContain("7min");
});

test("a symbol is added, and its candles come", async ({ playground }) => {
  test.setTimeout(LONG_MS);
  await page.goto("/settings");
  await page.getByRole("combobox", { name: "Symbols" }).fill("SOL");
  await page.getByRole("option", { name: "SOLUSDT" }).click();
  await page.getByRole("button", { name: "Track", exact: true }).click();
  const row = page
    .getByRole("table", { name: "Tracked series" })
    .getByRole("row")
    .filter({ hasText: "SOLUSDT" });
  await expect(row).toBeVisible();
  const held = async () =>
    Number((await playground.sql("SELECT COUNT(*) AS n FROM fact_klines WHERE symbol = 'SOLUSDT'"))[0]?.n);
  await expect.poll(held, { timeout: 2 * PATIENCE_MS }).toBeGreaterThan(0);
  await timed("the new symbol's candles are loaded, the dashboard shows it", async () => {
    await page.goto("/");
    await expect(page.getByRole("table", { name: "Symbols" })).toContainText("SOLUSDT", {
      timeout: PATIENCE_MS,
    });
  });
});

test("a fault is thrown by the dial, is seen, and is over", async ({ playground }) => {
  test.setTimeout(LONG_MS);
  await page.goto("/simulator");
  await page.getByRole("textbox", { name: "Your own fault" }).fill("429:retry_after=12,count=1");
  await page
    .getByRole("region", { name: "Fault dial" })
    .getByRole("button", { name: "Do it", exact: true })
    .last()
    .click();
  const healing = page.getByRole("region", { name: "What comes of it" });
  const blocked = async () =>
    msOf((await playground.sql("SELECT blocked_until FROM exchange_budget"))[0]?.blocked_until) > Date.now();
  await expect.poll(blocked, { timeout: PATIENCE_MS }).toBe(true);
  await timed("the exchange told us to wait, the page says so", () =>
    expect(figure(healing, "Calls")).toHaveText("blocked", { timeout: PATIENCE_MS }),
  );
  await expect(page.getByRole("button", { name: "Health: degraded" })).toBeVisible({ timeout: PATIENCE_MS });
  await expect.poll(blocked, { timeout: PATIENCE_MS }).toBe(false);
  await timed("the wait is over, the page says so", () =>
    expect(figure(healing, "Calls")).toHaveText("go out", { timeout: PATIENCE_MS }),
  );
  // Not that all is healthy: of so few runs, those that the exchange turned away may be a tenth, which is told all day.
  await page.getByRole("button", { name: /^Health/ }).click();
  const exchange = page
    .getByRole("dialog")
    .locator("[data-tone=good]")
    .filter({ hasText: "exchange binance" });
  await expect(exchange).toBeVisible({ timeout: PATIENCE_MS });
  await page.keyboard.press("Escape");
});

test("a candle that is loaded now is soon on every page that shows it", async ({ browser, playground }) => {
  test.setTimeout(LONG_MS);
  const newest = async () => {
    const sql =
      "SELECT open_time, close_price FROM fact_klines WHERE symbol = 'BTCUSDT' ORDER BY open_time DESC";
    return (await playground.sql(`${sql} LIMIT 1`))[0];
  };
  const all = async () =>
    count(Number((await playground.sql("SELECT COUNT(*) AS n FROM fact_klines"))[0]?.n));
  const ofBtc = "SELECT COUNT(*) AS n FROM fact_klines WHERE symbol = 'BTCUSDT'";
  const btc = async () => count(Number((await playground.sql(ofBtc))[0]?.n));
  const day = new Date(msOf((await newest())?.open_time)).toISOString().slice(0, 10);
  // A context each: a browser has six connections to a host, and each page keeps one open for events.
  const opened = async (path: string) => {
    const fresh = await browser.newPage({ baseURL: playground.at.url, timezoneId: "UTC" });
    await fresh.goto(path);
    return fresh;
  };
  const rowOf = (one: Page, table: string, text: RegExp) =>
    one.getByRole("table", { name: table }).getByRole("row").filter({ hasText: text });
  const pages: Record<string, [Page, (one: Page) => Promise<void>]> = {
    dashboard: [
      await opened("/"),
      async (one) => expect(figure(one.getByRole("main"), "Candles held")).toHaveText(await all()),
    ],
    analytics: [
      await opened("/analytics?symbol=BTCUSDT&interval=1m"),
      async (one) => {
        const found = await newest();
        const row = rowOf(one, "Candles of BTCUSDT, 1m", new RegExp(timeText(msOf(found?.open_time), "utc")));
        await expect(row).toContainText(price(String(found?.close_price)));
        await expect(row).not.toContainText("forming");
      },
    ],
    data: [
      await opened("/data"),
      async (one) =>
        expect(one.getByRole("row").filter({ has: one.getByLabel("Select BTCUSDT 1m") })).toContainText(
          await btc(),
        ),
    ],
    coverage: [
      await opened(`/data?tab=coverage&cell=BTCUSDT.1m.${day}`),
      async (one) => {
        const [held] = await playground.sql(`${ofBtc} AND open_time >= '${day}'`);
        await expect(figure(one.getByRole("dialog"), "Held of wanted")).toHaveText(
          new RegExp(`^${count(Number(held?.n))} of `),
        );
      },
    ],
    pipeline: [
      await opened("/pipeline"),
      async (one) => expect(one.getByRole("region", { name: "Warehouse" })).toContainText(await all()),
    ],
    settings: [
      await opened("/settings"),
      async (one) => expect(rowOf(one, "Tracked series", /BTCUSDT/)).toContainText(await btc()),
    ],
  };
  await pages.analytics?.[0].getByText("candles in view, as a table").click();
  const before = await newest();
  await expect
    .poll(async () => (await newest())?.open_time, { timeout: 150_000 })
    .not.toBe(before?.open_time);
  await Promise.all(
    Object.entries(pages).map(([name, [one, shows]]) =>
      timed(`a candle is loaded, ${name} shows it`, () =>
        expect(() => shows(one)).toPass({ timeout: PATIENCE_MS, intervals: [250] }),
      ),
    ),
  );
  for (const [one] of Object.values(pages)) await one.close();
});

/** A time as the database tells it, which is UTC, in milliseconds. */
function msOf(time: string | number | null | undefined): number {
  return Date.parse(`${String(time).replace(" ", "T").replace("Z", "")}Z`);
}
