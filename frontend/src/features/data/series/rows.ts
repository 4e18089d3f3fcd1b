/** Which series the table shows, in which order, and how they stand together by symbol. Pure. */
import type { Freshness, SeriesStatus } from "@/api/types";
import { sortRows } from "@/components/DataTable";
import { roughMs } from "@/lib/interval";
import { matches } from "../matches";

export const FRESHNESSES = ["all", "fresh", "aging", "stale", "none"] as const;
export type FreshnessFilter = (typeof FRESHNESSES)[number];

export type Filter = { search: string; freshness: FreshnessFilter; onlyGaps: boolean };

export const ORDERS = [
  "symbol",
  "interval",
  "tier",
  "freshness",
  "records",
  "held",
  "share",
  "gaps",
  "missing",
  "kept",
  "run",
] as const;
export type Order = (typeof ORDERS)[number];

export type Group = { symbol: string; rows: SeriesStatus[] };

const LATENESS: Record<Freshness, number> = { fresh: 0, aging: 1, stale: 2 };

const VALUES: Record<Order, (row: SeriesStatus) => number | string | null> = {
  symbol: (row) => row.symbol,
  interval: (row) => roughMs(row.interval),
  tier: (row) => row.tier,
  freshness: (row) => (row.freshness ? LATENESS[row.freshness] : null),
  records: (row) => row.record_count,
  held: (row) => row.oldest_ms,
  share: (row) => row.share,
  gaps: (row) => row.gaps,
  missing: (row) => row.missing_candles,
  kept: (row) => (row.keep_days === 0 ? Number.POSITIVE_INFINITY : row.keep_days),
  run: (row) => row.last_run?.created_ms ?? null,
};

/** A series' name among the others: `BTCUSDT 1m`. */
export function keyOf(row: Pick<SeriesStatus, "symbol" | "interval">): string {
  return `${row.symbol} ${row.interval}`;
}

export function filterRows(rows: readonly SeriesStatus[], filter: Filter): SeriesStatus[] {
  return rows.filter(
    (row) =>
      matches(row, filter.search) &&
      (filter.freshness === "all" || (row.freshness ?? "none") === filter.freshness) &&
      (!filter.onlyGaps || row.gaps > 0),
  );
}

/** Put the rows of a symbol together; symbols follow each other by the row of each that comes first. */
export function groupRows(rows: readonly SeriesStatus[], order: Order, down: boolean): Group[] {
  const byLength = sortRows(rows, VALUES.interval, false);
  const groups = new Map<string, SeriesStatus[]>();
  for (const row of sortRows(sortRows(byLength, VALUES.symbol, false), VALUES[order], down)) {
    const group = groups.get(row.symbol);
    if (group) group.push(row);
    else groups.set(row.symbol, [row]);
  }
  return [...groups].map(([symbol, members]) => ({ symbol, rows: members }));
}
