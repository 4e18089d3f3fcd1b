import type { Page } from "@playwright/test";
import { answeredCards, changedCards } from "./cards";
import { sumUp, tell, tellFrames, tellLoad, Watch } from "./measuring";
import { expect, test } from "./playground";

// `make bench-web`: what a dashboard of 100 symbols costs while all of them move. No test asserts a speed.
test.use({ trace: "off", playgroundOptions: ["--symbols", "100", "--days", "1", "--wait"] });

const WATCHED_MS = 60_000;
const SCROLLS = 200;
const SCROLL_PX = 60;

test("100 symbols are kept true, and scroll", async ({ page }) => {
  test.setTimeout(600_000);
  const watch = await Watch.on(page);
  const answers = answeredCards(page);
  await page.goto("/?view=table");
  await expect(page.getByRole("table", { name: "Symbols" }).locator("tbody tr")).toHaveCount(100);
  await page.waitForTimeout(5_000);

  tellLoad("before");
  const first = answers.length - 1;
  await watch.take();
  await page.waitForTimeout(WATCHED_MS);
  const watched = await watch.take();
  const { rows, longTasks } = watched;
  const changed = changedCards(answers.slice(first));
  const unchanged = rows.filter((symbol) => !changed.has(symbol));
  const updates = answers.length - 1 - first;
  const during = `${updates} answers in ${WATCHED_MS / 1_000} s, ${changed.size} symbols changed, ${rows.length} rows touched`;
  tell("rows touched whose symbol did not change", `${unchanged.length}`, "0", during);
  const longest = Math.max(0, ...longTasks).toFixed(0);
  tell("tasks over 50 ms while 100 symbols move", `${longTasks.length}`, "0", `longest ${longest} ms`);
  tellFrames("dashboard while 100 symbols move", sumUp([watched]));
  await page.mouse.move(700, 600);
  await watch.take();
  await scroll(page);
  tellFrames("scrolling 100 symbols", sumUp([await watch.take()]));
  tellLoad("after");
  expect(updates).toBeGreaterThan(0);
  expect(rows.length).toBeGreaterThan(0);
});

async function scroll(page: Page): Promise<void> {
  for (let step = 0; step < SCROLLS; step += 1)
    await page.mouse.wheel(0, step % 80 < 40 ? SCROLL_PX : -SCROLL_PX);
}
