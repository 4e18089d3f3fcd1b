/** What the heatmap shows: a cell for each series and UTC day, of what the API tells of coverage. Pure. */
import type { DayCell, SeriesCoverage } from "@/api/types";
import { count, plural, share } from "@/lib/format";
import { roughMs } from "@/lib/interval";

export const DAY_MS = 86_400_000;

/** By how much of what is wanted is held; `aged` was held once, `unwanted` is nobody's wish. */
export const TONES = ["complete", "most", "much", "half", "little", "nothing", "aged", "unwanted"] as const;
export type Tone = (typeof TONES)[number];

export const TONE_WORDS: Record<Tone, string> = {
  complete: "complete",
  most: "99 % and more",
  much: "90 % and more",
  half: "half and more",
  little: "less than half",
  nothing: "nothing",
  aged: "aged out",
  unwanted: "not wanted",
};

/** Of what closed so lately nobody says that it is missing: the next cycle brings it. */
const DUE_MS = 180_000;

export type Cell = {
  /** `2026-01-09`, in UTC. */
  day: string;
  startMs: number;
  wanted: number;
  held: number;
  missing: number;
  tone: Tone;
  /** Why nothing is wanted, where nothing is. */
  reason: string | null;
};

export type HeatRow = { symbol: string; interval: SeriesCoverage["interval"]; cells: Cell[] };

const AGED = "aged out";

/** Make the rows of the heatmap by symbol and length, each with a cell for every day that was asked for. */
export function makeRows(series: readonly SeriesCoverage[]): HeatRow[] {
  const ordered = series.toSorted(
    (one, other) => one.symbol.localeCompare(other.symbol) || roughMs(one.interval) - roughMs(other.interval),
  );
  return ordered.map((one) => ({
    symbol: one.symbol,
    interval: one.interval,
    cells: (one.days ?? []).map((day) => makeCell(day, one)),
  }));
}

type OfSeries = Pick<SeriesCoverage, "interval" | "not_wanted" | "wanted">;

export function makeCell(told: DayCell, series: OfSeries): Cell {
  const due = dueOf(told, series.interval);
  const cell = { ...told, wanted: told.wanted - due, missing: told.missing - due };
  const startMs = Date.parse(`${cell.day}T00:00:00Z`);
  const reason = cell.wanted > 0 ? null : due > 0 ? "it has only just begun" : whyUnwanted(startMs, series);
  return { ...cell, startMs, reason, tone: toneOf(cell, reason) };
}

/** How many candles of the day are only just due: not counted until they are late. */
export function dueOf(cell: DayCell, interval: SeriesCoverage["interval"]): number {
  const step = roughMs(interval);
  return cell.lag * step <= Math.max(step, DUE_MS) ? cell.lag : 0;
}

/** How much of what is wanted of the day is held, 0 to 1; what is held besides does not count. */
export function shareOf(cell: Pick<DayCell, "wanted" | "missing">): number {
  return cell.wanted === 0 ? 1 : 1 - cell.missing / cell.wanted;
}

function toneOf(cell: DayCell, reason: string | null): Tone {
  if (cell.wanted === 0) return reason?.startsWith(AGED) ? "aged" : "unwanted";
  const held = shareOf(cell);
  if (cell.missing === 0) return "complete";
  if (held === 0) return "nothing";
  if (held >= 0.99) return "most";
  if (held >= 0.9) return "much";
  return held >= 0.5 ? "half" : "little";
}

function whyUnwanted(startMs: number, series: OfSeries): string {
  const endMs = startMs + DAY_MS;
  const overlapping = (series.not_wanted ?? []).filter(
    (window) => window.start_ms < endMs && window.end_ms > startMs,
  );
  const longest = overlapping.toSorted(
    (one, other) => inDay(other, startMs, endMs) - inDay(one, startMs, endMs),
  )[0];
  if (longest) return longest.reason;
  const { wanted } = series;
  // Of intervals longer than a day, no candle opens on most days.
  if (wanted && wanted.start_ms < endMs && wanted.end_ms > startMs) return "no candle opens on that day";
  return "not asked for";
}

function inDay(window: { start_ms: number; end_ms: number }, startMs: number, endMs: number): number {
  return Math.min(window.end_ms, endMs) - Math.max(window.start_ms, startMs);
}

/** A cell in words: `BTCUSDT 1m, 2026-01-09: 1,430 of 1,440 candles, 99.30 %, 10 missing`. */
export function cellText(row: Pick<HeatRow, "symbol" | "interval">, cell: Cell): string {
  return `${row.symbol} ${row.interval}, ${cell.day}: ${dayText(cell)}`;
}

export function dayText(cell: Cell): string {
  if (cell.wanted === 0) {
    const held = cell.held > 0 ? `, ${plural(cell.held, "candle")} held all the same` : "";
    return `not wanted: ${cell.reason}${held}`;
  }
  const held = cell.wanted - cell.missing;
  const amount = `${count(held)} of ${plural(cell.wanted, "candle")}`;
  return cell.missing === 0
    ? `complete, ${amount}`
    : `${amount}, ${share(shareOf(cell))}, ${count(cell.missing)} missing`;
}

/** Neighbouring cells of one tone, so that a row is drawn in few strokes. */
export type Stroke = { tone: Tone; from: number; length: number };

export function strokesOf(cells: readonly Cell[]): Stroke[] {
  const strokes: Stroke[] = [];
  cells.forEach(({ tone }, index) => {
    const last = strokes.at(-1);
    if (last?.tone === tone) last.length += 1;
    else strokes.push({ tone, from: index, length: 1 });
  });
  return strokes;
}

export type Place = { row: number; column: number };

/** Where a key takes the cursor, kept inside; null for keys that do not move it. */
export function moved(at: Place, key: string, rows: number, columns: number): Place | null {
  const steps: Record<string, [number, number]> = {
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    PageUp: [-10, 0],
    PageDown: [10, 0],
    Home: [0, -columns],
    End: [0, columns],
  };
  const step = steps[key];
  if (!step) return null;
  const inside = (value: number, size: number) => Math.max(0, Math.min(size - 1, value));
  return { row: inside(at.row + step[0], rows), column: inside(at.column + step[1], columns) };
}

export type Tick = { column: number; text: string };

/** What a day and a month take above the columns. */
const DAY_PX = 44;
const MONTH_PX = 56;

/** What is written above the days: months where many are shown, else Mondays; fewer where they have no room. */
export function ticksOf(days: readonly string[], columnPx: number): Tick[] {
  const isLong = days.length > 45;
  const ticks: Tick[] = [];
  let end = days.length * columnPx;
  for (const [column, day] of [...days.entries()].reverse()) {
    const isMonday = new Date(`${day}T00:00:00Z`).getUTCDay() === 1;
    const hasRoom = end - column * columnPx >= (isLong ? MONTH_PX : DAY_PX);
    if (!hasRoom || !(isLong ? day.endsWith("-01") : isMonday)) continue;
    ticks.unshift({ column, text: isLong ? day.slice(0, 7) : day.slice(5) });
    end = column * columnPx;
  }
  return ticks;
}
