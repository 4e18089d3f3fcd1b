import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { everyPage } from "./everyPage";
import { test } from "./playground";

// `make screenshots`: what docs/web.md and the README show.
test.use({
  trace: "off",
  timezoneId: "UTC",
  playgroundOptions: ["--symbols", "12", "--days", "7", "--rough", "--wait"],
});

const FOLDER = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
const SHOWN = [
  "dashboard",
  "analytics",
  "data",
  "coverage",
  "runs",
  "batch",
  "pipeline",
  "scheduler",
  "settings",
  "simulator",
  "get started",
];
const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };
const QUALITY = 0.75;

test("every page, light and dark, wide and narrow", async ({ page, playground, context }) => {
  test.setTimeout(1_200_000);
  await mkdir(FOLDER, { recursive: true });
  await playground.login(page);
  const paper = await context.newPage();
  let bytes = 0;
  for (const shown of (await everyPage(playground)).filter(({ name }) => SHOWN.includes(name)))
    for (const [size, viewport] of Object.entries(SIZES))
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.goto(shown.path);
        await shown.open(page);
        await page.evaluate(() => document.fonts.ready);
        const picture = await asWebp(paper, await page.screenshot());
        bytes += picture.byteLength;
        await writeFile(`${FOLDER}${shown.name.replaceAll(" ", "-")}-${size}-${colorScheme}.webp`, picture);
      }
  console.log(`  ${(bytes / 1_000).toFixed(0)} kB of pictures`);
});

/** Playwright writes PNG and JPEG alone; the browser itself makes WebP, half as large. */
async function asWebp(paper: Page, png: Buffer): Promise<Buffer> {
  const url = await paper.evaluate(
    async ([base64, quality]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${base64}`;
      await image.decode();
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.width, image.height];
      canvas.getContext("2d")?.drawImage(image, 0, 0);
      return canvas.toDataURL("image/webp", quality);
    },
    [png.toString("base64"), QUALITY] as const,
  );
  return Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
}
