import { expect, test } from "./playground";

test("the app loads at each of its addresses, without an error and from here alone", async ({
  page,
  playground,
}) => {
  const wrong: string[] = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== playground.at.url) wrong.push(request.url());
  });
  await playground.login(page);
  await expect(page).toHaveURL(`${playground.at.url}/`);
  const [run] = await playground.sql("SELECT MIN(id) AS id FROM runs");
  for (const path of ["/", "/analytics", "/pipeline", `/runs/${run?.id}`, "/settings"]) {
    await page.goto(path);
    await expect(page.getByRole("navigation").first()).toBeVisible();
  }
  expect(wrong).toEqual([]);
});

test("the page can be loaded while the scheduler is away", async ({ page, playground }) => {
  const before = await playground.sql("SELECT COUNT(*) AS n FROM fact_klines");
  expect(Number(before[0]?.n)).toBeGreaterThan(5 * 1_000);
  await playground.stop("daemon");
  await page.goto("/");
  await expect(page.getByRole("navigation").first()).toBeVisible();
  await playground.start("daemon");
});
