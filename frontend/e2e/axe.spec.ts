import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { everyPage } from "./everyPage";
import { expect, test } from "./playground";

// Nothing but colours differs in the dark, and these have them all.
const IN_THE_DARK = [
  "dashboard",
  "analytics",
  "coverage",
  "batch",
  "quarantine",
  "scheduler",
  "settings",
  "simulator",
];

/** What axe finds that keeps somebody from using the page, as lines to read. */
async function violations(page: Page, colorScheme: "light" | "dark"): Promise<string[]> {
  const axe = new AxeBuilder({ page });
  const { violations: found } = await (colorScheme === "dark"
    ? axe.withRules("color-contrast")
    : axe
  ).analyze();
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}

// A trace of so many pages would take longer than they do.
test.use({ trace: "off" });

test("axe finds nothing serious on any page, light or dark, nor in what opens on them", async ({
  page,
  playground,
}) => {
  test.setTimeout(900_000);
  await playground.login(page);
  const wrong: string[] = [];
  let looked = 0;
  for (const shown of await everyPage(playground)) {
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await page.goto(shown.path);
    await test.step(shown.name, () => shown.open(page));
    const schemes = IN_THE_DARK.includes(shown.name) ? (["light", "dark"] as const) : (["light"] as const);
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", colorScheme);
      await drawn(page);
      wrong.push(
        ...(await violations(page, colorScheme)).map((one) => `${shown.name}, ${colorScheme}: ${one}`),
      );
      looked += 1;
      console.log(`  looked at ${shown.name}, ${colorScheme}`);
    }
  }
  console.log(`  axe looked at ${looked} views: ${wrong.length} serious violations`);
  expect(wrong).toEqual([]);
});

/** Wait until the page is drawn in its new colours: a change of them is seen a frame later. */
function drawn(page: Page): Promise<void> {
  return page.evaluate(
    () =>
      new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100)))),
  );
}
