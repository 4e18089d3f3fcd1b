import type { Locator, Page } from "@playwright/test";
import { expect, type Playground } from "./playground";

/** Something to look at: an address, and what makes it whole once that is there. */
export interface Shown {
  name: string;
  path: string;
  open: (page: Page) => Promise<void>;
}

/** Every page with its tabs and what opens on it, of a playground with data, gaps, files set aside and a batch. */
export async function everyPage(playground: Playground): Promise<Shown[]> {
  await findGaps(playground);
  const batch = await pausedBatch(playground);
  const [child] = await playground.sql(`SELECT MIN(id) AS id FROM runs WHERE parent_id = ${batch}`);
  const table = (name: string) => (page: Page) => page.getByRole("table", { name });
  const region = (name: string) => (page: Page) => page.getByRole("region", { name });
  const pressed = (button: string, opened: (page: Page) => Locator) => async (page: Page) => {
    await page.getByRole("button", { name: button }).first().click();
    await there(opened(page));
  };
  const dialog = (page: Page) => page.getByRole("dialog");
  const at = (name: string, path: string, shown: (page: Page) => Locator): Shown => ({
    name,
    path,
    open: (page) => there(shown(page)),
  });
  return [
    at("dashboard", "/", region("Market")),
    at("dashboard, cards", "/?view=cards", (page) => page.getByRole("article").first()),
    {
      name: "analytics",
      path: "/analytics?symbol=BTCUSDT&interval=1m&indicators=sma:20,rsi:14",
      open: opensChart,
    },
    at("data", "/data", table("Series")),
    at("coverage", "/data?tab=coverage", (page) => page.getByRole("tabpanel").locator("canvas").first()),
    at("gaps", "/data?tab=gaps", table("Gaps")),
    ...["quality", "proof"].map((tab) =>
      at(tab, `/data?tab=${tab}`, (page) => page.getByRole("tabpanel").getByRole("region").first()),
    ),
    at("runs", "/runs", (page) => page.getByRole("table").first()),
    { name: "backfill", path: "/runs", open: pressed("Backfill", dialog) },
    at("batch", `/runs/${batch}`, table("Runs of this batch")),
    at("run", `/runs/${child?.id}`, (page) => page.getByTestId("run-progress")),
    at("pipeline", "/pipeline", table("Objects")),
    at("duplicates", "/pipeline?tab=duplicates", (page) => page.getByRole("tabpanel")),
    at("quarantine", "/pipeline?tab=quarantine", (page) =>
      page.getByRole("button", { name: /again/ }).nth(1),
    ),
    at("storage", "/pipeline?tab=storage", (page) => page.getByRole("tabpanel").getByRole("region").first()),
    at("scheduler", "/scheduler", table("Jobs")),
    { name: "schedule", path: "/scheduler", open: pressed("Edit", dialog) },
    at("settings", "/settings", table("Tracked series")),
    ...["collecting", "notifications", "access", "system"].map((tab) =>
      at(`settings, ${tab}`, `/settings?tab=${tab}`, (page) =>
        page.getByRole("tabpanel").getByRole("region").first(),
      ),
    ),
    at("simulator", "/simulator", region("Fault dial")),
    at("get started", "/start", (page) => page.getByTestId("plan")),
    at("get started, arriving", `/start?batch=${batch}`, (page) => page.getByTestId("batch-progress")),
    { name: "health", path: "/", open: pressed("Health", dialog) },
    { name: "notifications", path: "/", open: pressed("Notifications", dialog) },
    at("no such page", "/nowhere", (page) => page.getByText("There is no such page")),
  ];
}

async function there(shown: Locator): Promise<void> {
  await expect(shown).toBeVisible();
  // What a panel shows while its answer is on its way.
  await expect(shown.page().getByText("Loading", { exact: true })).toHaveCount(0);
}

async function opensChart(page: Page): Promise<void> {
  await expect(page.getByRole("application")).toBeVisible();
  await expect(page.getByText("Loading history…")).toHaveCount(0);
  await page.getByText("candles in view, as a table").click();
  await there(page.getByRole("table", { name: /^Candles of/ }));
}

/** Let gaps be looked for, and files that nobody told of be found: both are done at night otherwise. */
async function findGaps(playground: Playground): Promise<void> {
  await playground.post("/api/data-ingestion/gaps/check", {});
  await playground.post("/api/scheduler/jobs/reconcile_lake/trigger");
  for (const sql of ["SELECT id FROM gaps", "SELECT id FROM lake_objects WHERE state = 'quarantined'"])
    await expect.poll(async () => (await playground.sql(sql)).length, { timeout: 60_000 }).toBeGreaterThan(0);
}

/** A batch that stays as it is: paused, with something of it done and more to do. */
async function pausedBatch(playground: Playground): Promise<number> {
  const newest = "SELECT id, state, done FROM runs WHERE kind = 'batch' ORDER BY id DESC LIMIT 1";
  const is = async (what: "state" | "done") => (await playground.sql(newest))[0]?.[what];
  if ((await is("state")) !== "paused") {
    await playground.post("/api/data-ingestion/start", {
      symbols: ["BTCUSDT", "ETHUSDT", "SOLUSDT"],
      intervals: ["1m"],
      start: Date.now() - 60 * 86_400_000,
      keep_days: 0,
    });
    await expect.poll(() => is("done"), { timeout: 60_000 }).toBeGreaterThan(0);
    await playground.post(`/api/data-ingestion/pause/${(await playground.sql(newest))[0]?.id}`);
    await expect.poll(() => is("state"), { timeout: 60_000 }).toBe("paused");
  }
  return Number((await playground.sql(newest))[0]?.id);
}
