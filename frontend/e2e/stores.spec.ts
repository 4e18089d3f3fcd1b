import { existsSync } from "node:fs";
import type { Page } from "@playwright/test";
import { count } from "../src/lib/format";
import { figure } from "./figures";
import { expect, test } from "./playground";
import { PATIENCE_MS, timed } from "./waiting";

// A database and an object store as processes of their own, which can be killed.
test.use({ playgroundOptions: ["--symbols", "3", "--days", "1", "--wait", "--servers"] });

test.skip(
  process.env.CI !== "true" && !existsSync("/usr/sbin/mariadbd"),
  "there is no MariaDB to kill: `scripts/servers install` gets it on Debian",
);

const MINUTES_MS = 200_000;

function banner(page: Page, store: "warehouse" | "lake") {
  return page.getByRole("status").filter({ hasText: `The ${store} is away.` });
}

for (const [part, store] of [
  ["database", "warehouse"],
  ["lake", "lake"],
] as const) {
  test(`the ${part} stops while the page is open, and comes back`, async ({ page, playground }) => {
    test.setTimeout(2 * MINUTES_MS);
    const held = async () => Number((await playground.sql("SELECT COUNT(*) AS n FROM fact_klines"))[0]?.n);
    await page.goto("/");
    const table = page.getByRole("table", { name: "Symbols" });
    await expect(table).toBeVisible();
    const before = await held();
    await playground.stop(part, "kill");
    await timed(`${part} killed, page says so`, () =>
      expect(banner(page, store)).toBeVisible({ timeout: PATIENCE_MS }),
    );
    // What was known is still there to be read.
    await expect(table).toBeVisible();
    await playground.start(part);
    await timed(`${part} started, page says no more`, () =>
      expect(banner(page, store)).toHaveCount(0, { timeout: PATIENCE_MS }),
    );
    await expect.poll(held, { timeout: MINUTES_MS }).toBeGreaterThan(before);
    await timed("candles are collected again, the open page shows them", () =>
      expect(async () =>
        expect(figure(page.getByRole("main"), "Candles held")).toHaveText(count(await held())),
      ).toPass({ timeout: PATIENCE_MS, intervals: [250] }),
    );
  });
}
