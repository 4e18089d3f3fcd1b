import type { Page } from "@playwright/test";
import { expect, test } from "./playground";
import { PATIENCE_MS, timed } from "./waiting";

const NOBODY_COLLECTS = "Nothing is collected at the moment.";
const NO_CONNECTION = "No connection to Candlehouse.";

function banner(page: Page, text: string) {
  return page.getByRole("status").filter({ hasText: text });
}

/** The time of which the dashboard says that its prices are. */
async function asOf(page: Page): Promise<string | null> {
  return page.getByText("Prices are those of the forming candles").locator("time").getAttribute("datetime");
}

/** Wait until the dashboard has prices again that are younger than *before*. */
async function movesOn(page: Page, before: string | null): Promise<void> {
  await expect.poll(() => asOf(page), { timeout: PATIENCE_MS }).not.toBe(before);
}

test("the scheduler stops while the page is open, and comes back", async ({ page, playground }) => {
  await page.goto("/");
  await expect(page.getByRole("table", { name: "Symbols" })).toBeVisible();
  await expect(banner(page, NOBODY_COLLECTS)).toHaveCount(0, { timeout: PATIENCE_MS });
  await playground.stop("daemon", "kill");
  await timed("scheduler killed, page says so", () =>
    expect(banner(page, NOBODY_COLLECTS)).toBeVisible({ timeout: PATIENCE_MS }),
  );
  await playground.start("daemon");
  await timed("scheduler started, page says no more", () =>
    expect(banner(page, NOBODY_COLLECTS)).toHaveCount(0, { timeout: PATIENCE_MS }),
  );
});

test("the API stops while pages are open, and comes back", async ({ page, playground }) => {
  const other = await page.context().newPage();
  await page.goto("/");
  await other.goto("/pipeline");
  await expect(page.getByRole("table", { name: "Symbols" })).toBeVisible();
  await expect(other.getByRole("table", { name: "Objects" })).toBeVisible();
  const before = await asOf(page);
  await playground.stop("api", "kill");
  await timed("API killed, both pages say so", () =>
    Promise.all(
      [page, other].map((one) => expect(banner(one, NO_CONNECTION)).toBeVisible({ timeout: PATIENCE_MS })),
    ),
  );
  // What was known is still there to be read.
  await expect(page.getByRole("table", { name: "Symbols" })).toBeVisible();
  await expect(other.getByRole("table", { name: "Objects" })).toBeVisible();
  await playground.start("api");
  await timed("API started, both pages go on", async () => {
    for (const one of [page, other])
      await expect(banner(one, NO_CONNECTION)).toHaveCount(0, { timeout: PATIENCE_MS });
    await movesOn(page, before);
  });
  await other.close();
});
