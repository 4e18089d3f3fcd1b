/** The request budget in figures that a gauge can draw. */
import type { Lane, RateLimit } from "@/api/types";
import { count } from "@/lib/format";

export const LANES: readonly { lane: Lane; name: string; colour: string }[] = [
  { lane: "live", name: "live data", colour: "var(--ch-info)" },
  { lane: "repair", name: "repairs", colour: "var(--ch-gap)" },
  { lane: "history", name: "history", colour: "var(--ch-up-fill)" },
];

/** What each lane used of what we may, 0 to 100; nothing once the minute is over. */
export function laneShares(told: RateLimit): Record<Lane, number> {
  const share = (used: number) =>
    told.is_current && told.allowed_weight ? Math.min(100, (100 * used) / told.allowed_weight) : 0;
  return {
    live: share(told.lanes.live),
    repair: share(told.lanes.repair),
    history: share(told.lanes.history),
  };
}

/** `41 of 4,800 used (0.9 %); the exchange allows 6,000`. */
export function usedLine(told: RateLimit): string {
  const used = count(told.is_current ? told.used_weight : 0);
  if (told.allowed_weight === null) return `${used} used; the exchange has not said what it allows`;
  return `${used} of ${count(told.allowed_weight)} used (${told.used_pct ?? 0} %); the exchange allows ${count(told.weight_limit)}`;
}
