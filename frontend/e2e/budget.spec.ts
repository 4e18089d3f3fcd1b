import { expect, test } from "./playground";

const MOST_BYTES = 300_000;

test("the first load takes less than 300 kB of JavaScript, charts not among it", async ({
  page,
  playground,
}) => {
  const scripts = new Map<string, number>();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  await devtools.send("Network.setCacheDisabled", { cacheDisabled: true });
  const asked = new Map<string, string>();
  devtools.on("Network.responseReceived", ({ requestId, response }) => {
    if (new URL(response.url).pathname.endsWith(".js")) asked.set(requestId, response.url);
  });
  devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const url = asked.get(requestId);
    if (url) scripts.set(new URL(url).pathname, encodedDataLength);
  });
  await page.goto("/");
  await expect(page.getByRole("table", { name: "Symbols" })).toBeVisible();
  const bytes = [...scripts.values()].reduce((sum, one) => sum + one, 0);
  console.log(`  first load: ${(bytes / 1_000).toFixed(1)} kB in ${scripts.size} scripts, as transferred`);
  expect(scripts.size).toBeGreaterThan(1);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(MOST_BYTES);

  // The charts' library comes with the page that draws some: it is known by what that page loads besides.
  const first = new Set(scripts.keys());
  await page.goto("/analytics");
  await expect(page.locator("canvas").first()).toBeVisible();
  await expect
    .poll(async () => {
      const more = [...scripts.keys()].filter((path) => !first.has(path));
      const texts = await Promise.all(
        more.map(async (path) => (await fetch(playground.at.url + path)).text()),
      );
      return texts.some((text) => text.includes("TradingView"));
    })
    .toBe(true);
  for (const path of first)
    expect(await (await fetch(playground.at.url + path)).text()).not.toContain("TradingView");
});
