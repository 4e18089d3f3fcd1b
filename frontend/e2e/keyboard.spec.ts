import type { Page } from "@playwright/test";
import { expect, test } from "./playground";
import { PATIENCE_MS } from "./waiting";

// An installation of its own, empty: the story's is not any more by then.
test.use({ playgroundOptions: ["--symbols", "0", "--intervals", "1m,1h"] });

const MOST_TABS = 60;

/** Press Tab until the focus is on something so named, as somebody without a mouse would. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let pressed = 0; pressed < MOST_TABS; pressed += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const at = document.activeElement;
      return at instanceof HTMLInputElement ? at.value : (at?.textContent ?? "");
    });
    if (focused.startsWith(name)) return;
  }
  throw new Error(`no Tab leads to ${name}`);
}

test("keys alone lead from the first visit to the history arriving", async ({ page, playground }) => {
  await page.goto("/");
  await expect(page.getByRole("link", { name: "Get started" }).first()).toBeVisible();
  await tabTo(page, "Get started");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Get started" })).toBeVisible();

  // One of the two that are chosen at first is taken out, the interval stays, thirty days stay.
  await expect(page.getByRole("checkbox", { name: "ETHUSDT" })).toBeChecked();
  await tabTo(page, "ETHUSDT");
  await page.keyboard.press("Space");
  await expect(page.getByRole("checkbox", { name: "ETHUSDT" })).not.toBeChecked();

  // Nobody is logged in: what changes something asks for the token once, and goes on by itself.
  await tabTo(page, "Log in to see the plan");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Log in as operator" })).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Token" })).toBeFocused();
  await page.keyboard.type(playground.at.token);
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("plan")).toHaveAttribute("aria-busy", "false", { timeout: PATIENCE_MS });

  const start = page.getByRole("button", { name: /^Start: fetch/ });
  await expect(start).toBeEnabled();
  await tabTo(page, "Start: fetch");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/batch=\d+/);
  await expect(page.getByTestId("batch-progress")).toBeVisible();
  const rows = await playground.sql("SELECT symbol, interval_code FROM series WHERE tracked = 1");
  expect(rows).toEqual([{ symbol: "BTCUSDT", interval_code: "1m" }]);
});
