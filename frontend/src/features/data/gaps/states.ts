import type { Gap, GapState } from "@/api/types";

export const GAP_STATES: readonly GapState[] = [
  "detected",
  "filling",
  "failed",
  "empty_at_exchange",
  "unfillable",
  "filled",
];

/** Whether a run can be asked to fill it: the exchange may have restored what was empty. */
export function isFillable(gap: Pick<Gap, "state">): boolean {
  return gap.state === "detected" || gap.state === "failed" || gap.state === "empty_at_exchange";
}

/** Read states of an address: `detected,failed`; what is no state is left out. */
export function parseStates(text: string | null): GapState[] {
  const named = (text ?? "").split(",");
  return GAP_STATES.filter((state) => named.includes(state));
}

/** The parts of *missing* that no gap tells of: nobody has looked since they went missing. */
export function untold(
  missing: readonly { start_ms: number; end_ms: number }[],
  gaps: readonly { start_ms: number; end_ms: number }[],
): { start_ms: number; end_ms: number }[] {
  return missing.flatMap((window) => {
    let rest = [window];
    for (const gap of gaps) {
      rest = rest.flatMap(({ start_ms, end_ms }) =>
        [
          { start_ms, end_ms: Math.min(end_ms, gap.start_ms) },
          { start_ms: Math.max(start_ms, gap.end_ms), end_ms },
        ].filter((part) => part.end_ms > part.start_ms),
      );
    }
    return rest;
  });
}
