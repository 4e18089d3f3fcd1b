import type { Page } from "@playwright/test";

/** A share of the chart's width, from its left edge to its right. */
export interface Shade {
  from: number;
  to: number;
}

/**
 * Where the candles' pane is shaded: runs of columns of pixels most of which are not the panel's own colour.
 * It reads the canvas itself: what a person sees, whatever the page believes to have drawn.
 */
export async function shadedColumns(page: Page): Promise<Shade[]> {
  return page.evaluate(() => {
    const canvases = [...document.querySelectorAll<HTMLCanvasElement>('[role="application"] canvas')];
    const pane = canvases.toSorted((one, other) => other.width * other.height - one.width * one.height)[0];
    const context = pane?.getContext("2d");
    if (!pane || !context) return [];
    const { data } = context.getImageData(0, 0, pane.width, pane.height);
    const columns = Array.from({ length: pane.width }, (_, x) => {
      const counts = new Map<number, number>();
      for (let y = 0; y < pane.height; y += 3) {
        const at = 4 * (y * pane.width + x);
        const colour = ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
        counts.set(colour, (counts.get(colour) ?? 0) + 1);
      }
      return [...counts].toSorted((one, other) => other[1] - one[1])[0]?.[0] ?? 0;
    });
    const amounts = new Map<number, number>();
    for (const colour of columns) amounts.set(colour, (amounts.get(colour) ?? 0) + 1);
    const plain = [...amounts].toSorted((one, other) => other[1] - one[1])[0]?.[0];
    const runs: { from: number; to: number }[] = [];
    for (const [x, colour] of columns.entries()) {
      if (colour === plain) continue;
      const last = runs.at(-1);
      if (last && x - last.to <= 2) last.to = x + 1;
      else runs.push({ from: x, to: x + 1 });
    }
    return runs
      .filter((run) => run.to - run.from > 8)
      .map((run) => ({ from: run.from / pane.width, to: run.to / pane.width }));
  });
}
