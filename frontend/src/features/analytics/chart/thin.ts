/**
 * Bars that lie closer than pixels are drawn one a pixel: 5,000 of them then pan as 800 do. The others become empty
 * places, so that each stays where it is in time. The library's own conflation joins what lies on both sides of a
 * hole, and fails on empty slots.
 */
import type { CandlestickData, HistogramData, UTCTimestamp, WhitespaceData } from "lightweight-charts";

type Timed = { time: unknown };

/** How many bars share a pixel of the screen: a power of two, so that it seldom changes as one zooms. */
export function barsPerPixel(barSpacing: number, pixelRatio: number): number {
  const pixels = barSpacing * pixelRatio;
  return pixels > 0 && pixels < 1 ? 2 ** Math.floor(Math.log2(1 / pixels)) : 1;
}

/**
 * Merge bars that stand beside each other and lie in the same *groupS* seconds into the first of them. The last
 * stays alone: it is the one that changes.
 */
function thin<Bar extends Timed>(
  rows: readonly (Bar | WhitespaceData)[],
  groupS: number,
  isBar: (row: Bar | WhitespaceData) => row is Bar,
  merge: (into: Bar, more: Bar) => Bar,
): (Bar | WhitespaceData)[] {
  const groupOf = (row: Timed) => Math.floor(Number(row.time) / groupS);
  const thinned = [...rows];
  let at: number | null = null;
  for (const [place, row] of rows.entries()) {
    const into = at === null ? undefined : thinned[at];
    if (!isBar(row)) at = null;
    else if (at === null || !into || !isBar(into) || place === rows.length - 1) at = place;
    else if (groupOf(into) !== groupOf(row)) at = place;
    else {
      thinned[at] = merge(into, row);
      thinned[place] = { time: row.time as UTCTimestamp };
    }
  }
  return thinned;
}

export function isCandle(row: CandlestickData | WhitespaceData): row is CandlestickData {
  return "open" in row;
}

export function thinCandles(rows: readonly (CandlestickData | WhitespaceData)[], groupS: number) {
  return thin(rows, groupS, isCandle, (into, more) => ({
    ...into,
    high: Math.max(into.high, more.high),
    low: Math.min(into.low, more.low),
    close: more.close,
  }));
}

/** The highest of each group, which would hide the others: the scale stays that of single bars. */
export function thinVolume(rows: readonly (HistogramData | WhitespaceData)[], groupS: number) {
  const isBar = (row: HistogramData | WhitespaceData): row is HistogramData => "value" in row;
  return thin(rows, groupS, isBar, (into, more) =>
    more.value > into.value ? { ...more, time: into.time } : into,
  );
}
