import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { everyPage } from "./everyPage";
import { expect, test } from "./playground";

/** What axe finds that keeps somebody from using the page, as lines to read. */
async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}

test("axe finds nothing serious on any page, light or dark, nor in what opens on them", async ({
  page,
  playground,
}) => {
  test.setTimeout(900_000);
  await playground.login(page);
  const wrong: string[] = [];
  let looked = 0;
  for (const shown of await everyPage(playground)) {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await page.goto(shown.path);
    await shown.open(page);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", colorScheme);
      wrong.push(...(await violations(page)).map((one) => `${shown.name}, ${colorScheme}: ${one}`));
      looked += 1;
    }
  }
  console.log(`  axe looked at ${looked} views: ${wrong.length} serious violations`);
  expect(wrong).toEqual([]);
});
