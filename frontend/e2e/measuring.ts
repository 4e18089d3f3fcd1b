/** What a browser is asked while something is measured, and how figures are told: as bench/table.py does. */
import { loadavg } from "node:os";
import type { CDPSession, Page } from "@playwright/test";

/** A frame that takes longer is seen as a stutter; 33 ms are two frames of a screen with 60 a second. */
const STUTTER_MS = 50;
const SMOOTH_P95_MS = 33;

export interface Frames {
  medianMs: number;
  p95Ms: number;
  /** Which part of all frames took longer than 50 ms, 0 to 1. */
  stutters: number;
  count: number;
  /** For how much of a frame the page was at work, by its own clock. */
  busyMs: number;
}

export interface Seen {
  /** How long each frame took, and each task over 50 ms, in milliseconds. */
  frames: number[];
  longTasks: number[];
  /** The rows of tables of which something was changed, by the link in them. */
  rows: string[];
  /** How long the page's main thread was at work by its own clock, which stands still while others are served. */
  busyMs: number;
}

type Noted = Omit<Seen, "busyMs">;

/** Notes what a page does from its next load on. */
export class Watch {
  private busyBefore = 0;

  private constructor(
    private readonly page: Page,
    private readonly devtools: CDPSession,
  ) {}

  static async on(page: Page): Promise<Watch> {
    await page.addInitScript(note);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    return new Watch(page, devtools);
  }

  /** Return what was seen since this was called last. */
  async take(): Promise<Seen> {
    const noted = await this.page.evaluate(() => {
      const { frames, longTasks, rows } = (window as unknown as { noted: Noted }).noted;
      return { frames: frames.splice(0), longTasks: longTasks.splice(0), rows: [...new Set(rows.splice(0))] };
    });
    const { metrics } = await this.devtools.send("Performance.getMetrics");
    const busy = 1_000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0);
    const busyMs = busy - this.busyBefore;
    this.busyBefore = busy;
    return { ...noted, busyMs };
  }
}

/** Runs in the page. */
function note(): void {
  const noted: Noted = { frames: [], longTasks: [], rows: [] };
  Object.assign(window, { noted });
  let before = performance.now();
  const frame = (now: number) => {
    noted.frames.push(now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) noted.longTasks.push(entry.duration);
  }).observe({ type: "longtask" });
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const at = target instanceof Element ? target : target.parentElement;
      const name = at?.closest("tbody tr")?.querySelector("a")?.textContent;
      if (name) noted.rows.push(name);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}

export function sumUp(parts: readonly Seen[]): Frames {
  const frames = parts.flatMap((one) => one.frames);
  const busyMs = parts.reduce((sum, one) => sum + one.busyMs, 0) / Math.max(1, frames.length);
  const ordered = frames.toSorted((one, other) => one - other);
  const at = (share: number) =>
    ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * share))] ?? 0;
  const stutters = frames.filter((ms) => ms > STUTTER_MS).length / Math.max(1, frames.length);
  return { medianMs: at(0.5), p95Ms: at(0.95), stutters, count: frames.length, busyMs };
}

/** One line: what was measured, the figure, what is wanted of it, how it came about. */
export function tell(what: string, figure: string, wanted: string, detail: string): void {
  console.log(`${what.padEnd(45)} ${figure.padStart(10)}  wanted ${wanted.padEnd(10)} ${detail}`);
}

export function tellFrames(what: string, frames: Frames): void {
  const { medianMs, p95Ms, stutters, count, busyMs } = frames;
  const over = `${percent(stutters)} of ${count} over ${STUTTER_MS} ms`;
  const told = `median ${medianMs.toFixed(1)} ms, ${over}; page at work for ${busyMs.toFixed(1)} ms of each`;
  tell(`${what}, p95 of frames`, `${p95Ms.toFixed(1)} ms`, `≤ ${SMOOTH_P95_MS} ms`, told);
}

/** How busy the machine is, for whoever reads the figures. */
export function tellLoad(when: string): void {
  const [one = 0] = loadavg();
  console.log(`  load of the machine ${when}: ${one.toFixed(2)}`);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
