import type { FindingKind, Severity } from "@/api/types";

export const SEVERITIES: readonly Severity[] = ["error", "warning", "info"];

export const KIND_WORDS: Record<FindingKind, string> = {
  ohlc: "prices that contradict each other",
  price_jump: "price jump",
  zero_volume: "no trades",
  volume_outlier: "unusual volume",
  off_grid: "off the grid",
  duplicate: "duplicate",
  quarantined: "quarantined row",
  restatement: "amended by the exchange",
  stale: "stale",
};

const ALL_KINDS: readonly string[] = Object.keys(KIND_WORDS);

export const KINDS: readonly FindingKind[] = ALL_KINDS.filter(isKind);

export function isKind(text: string): text is FindingKind {
  return ALL_KINDS.includes(text);
}

/** Read kinds of an address: `ohlc,stale`; what is none is left out. */
export function parseKinds(text: string | null): FindingKind[] {
  return (text ?? "").split(",").filter(isKind);
}
