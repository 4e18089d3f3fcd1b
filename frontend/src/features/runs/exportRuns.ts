/** The history of runs as a file: page after page of the API, made into CSV here. */
import type { Run } from "@/api/types";

/** A browser holds so many at ease; whoever wants more has `./candlehouse runs export`. */
export const MOST_ROWS = 20_000;

type Page = { runs: Run[]; next_cursor: string | null };

/** Ask for pages until there are no more, or *most* are had; `isCut` tells which. */
export async function collect(
  ask: (cursor: string | null) => Promise<Page>,
  most = MOST_ROWS,
): Promise<{ runs: Run[]; isCut: boolean }> {
  const runs: Run[] = [];
  let cursor: string | null = null;
  do {
    const page: Page = await ask(cursor);
    runs.push(...page.runs);
    cursor = page.next_cursor;
  } while (cursor !== null && runs.length < most);
  return { runs: runs.slice(0, most), isCut: cursor !== null || runs.length > most };
}

/** A run as a row of a file; times are UTC, ISO 8601. */
export function exportRow(run: Run) {
  return {
    id: run.id,
    parent_id: run.parent_id,
    kind: run.kind,
    job: run.job_id,
    lane: run.lane,
    state: run.state,
    origin: run.origin,
    requested_by: run.requested_by,
    exchange: run.exchange,
    symbol: run.symbol,
    interval: run.interval,
    window_start: iso(run.window_start_ms),
    window_end: iso(run.window_end_ms),
    unit: run.unit,
    done: run.done,
    total: run.total,
    fetched: run.fetched,
    loaded: run.loaded,
    attempt: run.attempt,
    created: iso(run.created_ms),
    started: iso(run.started_ms),
    finished: iso(run.finished_ms),
    took_ms: run.took_ms,
    error_kind: run.error_kind,
    error: run.error?.what ?? null,
  };
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
