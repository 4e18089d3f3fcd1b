/** What runs are called in front of people. */
import type { Run } from "@/api/types";
import { plural } from "@/lib/format";

export const KIND_WORDS: Record<string, string> = {
  batch: "Batch",
  fetch_window: "Fetch",
  cycle: "Cycle",
  extract: "Extract",
  transform: "Load",
  fill_gaps: "Fill gaps",
  repair_gaps: "Repair gaps",
  backfill_gaps: "Backfill gaps",
  refetch_recent: "Refetch recent candles",
  refetch_days: "Refetch recent days",
  recount_coverage: "Recount coverage",
  check_quality: "Check quality",
  verify: "Verify",
  verify_sample: "Verify a sample",
  replay: "Replay",
  reconcile_lake: "Reconcile the lake",
  refresh_symbols: "Refresh symbols",
  watch_disk: "Watch the disk",
  daily_ageing: "Daily ageing",
  weekly_maintenance: "Weekly maintenance",
  maintenance: "Maintenance",
};

export function kindWords(kind: string): string {
  const known = KIND_WORDS[kind];
  if (known) return known;
  const words = kind.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** `Fetch BTCUSDT 1m`, `Fetch 3 symbols, 1m and 1h`, `Cycle`. */
export function runTitle(run: Run): string {
  const of = typeof run.parameters.kind === "string" ? run.parameters.kind : run.kind;
  const what = kindWords(run.kind === "batch" ? of : run.kind);
  if (run.symbol) return `${what} ${run.symbol} ${run.interval ?? ""}`.trim();
  if (run.kind !== "batch") return what;
  const { symbols, intervals } = run.parameters;
  const parts = [
    typeof symbols === "number" ? plural(symbols, "symbol") : "",
    Array.isArray(intervals) ? intervals.join(" and ") : "",
  ].filter(Boolean);
  return parts.length > 0 ? `${what} ${parts.join(", ")}` : what;
}

/** `2 running · 5 waiting · 1 failed`: the states that there are, of a batch's runs. */
export function countsText(counts: Record<Run["state"], number>): string {
  const told: [Run["state"], string][] = [
    ["running", "running"],
    ["queued", "waiting"],
    ["paused", "paused"],
    ["succeeded", "succeeded"],
    ["partly_failed", "partly failed"],
    ["failed", "failed"],
    ["cancelled", "cancelled"],
  ];
  return told
    .filter(([state]) => counts[state] > 0)
    .map(([state, word]) => `${counts[state]} ${word}`)
    .join(" · ");
}
