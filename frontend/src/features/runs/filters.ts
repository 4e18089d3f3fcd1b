/** The filters of the history of runs, as they stand in the address. */
import type { Interval, RunState } from "@/api/types";
import { INTERVALS } from "@/lib/interval";

export const STATES: readonly RunState[] = [
  "queued",
  "running",
  "paused",
  "succeeded",
  "partly_failed",
  "failed",
  "cancelled",
];

export type Filters = {
  states: RunState[];
  kind: string | null;
  job: string | null;
  symbol: string | null;
  interval: Interval | null;
  all: boolean;
  /** Where the page begins that is shown; null for the newest. */
  cursor: string | null;
};

const NAME = /^[a-z0-9_]{1,48}$/;
const SYMBOL = /^[A-Z0-9]{2,20}$/;

/** Read them from an address; what no API would take is left out, since people type addresses, too. */
export function readFilters(read: (name: string) => string | null): Filters {
  const asked = (read("state") ?? "").split(",");
  const matching = (name: string, pattern: RegExp) => {
    const value = read(name);
    return value !== null && pattern.test(value) ? value : null;
  };
  return {
    states: STATES.filter((state) => asked.includes(state)),
    kind: matching("kind", NAME),
    job: matching("job", NAME),
    symbol: matching("symbol", SYMBOL),
    interval: INTERVALS.find((one) => one === read("interval")) ?? null,
    all: read("all") === "1",
    cursor: read("before"),
  };
}

export function isFiltered(filters: Filters): boolean {
  const { states, kind, job, symbol, interval, all } = filters;
  return states.length > 0 || all || [kind, job, symbol, interval].some((one) => one !== null);
}

/** As the API wants them. */
export function toQuery(filters: Filters, limit: number) {
  return {
    limit,
    state: filters.states.length > 0 ? filters.states : undefined,
    kind: filters.kind ?? undefined,
    job: filters.job ?? undefined,
    symbol: filters.symbol ?? undefined,
    interval: filters.interval ?? undefined,
    all: filters.all || undefined,
    cursor: filters.cursor ?? undefined,
  };
}
