/** What may be asked of a run in its state, and why the rest may not. */
import type { BatchCounts, Run } from "@/api/types";

export type Doing = "cancel" | "pause" | "resume" | "retry";

/** Of a batch: how many of its runs *doing* concerns. */
export function concerned(doing: Doing, counts: BatchCounts): number {
  if (doing === "cancel") return counts.queued + counts.running + counts.paused;
  if (doing === "pause") return counts.queued + counts.running;
  if (doing === "resume") return counts.paused + counts.cancelled;
  return counts.failed + counts.partly_failed;
}

const NONE_OF_BATCH: Record<Doing, string> = {
  cancel: "All its runs have ended.",
  pause: "None of its runs waits or works.",
  resume: "None of its runs is paused or cancelled.",
  retry: "None of its runs has failed.",
};

const MAY: Record<Doing, readonly Run["state"][]> = {
  cancel: ["queued", "running", "paused"],
  pause: ["queued", "running"],
  resume: ["paused", "cancelled"],
  retry: ["failed", "partly_failed"],
};

const WHY_NOT: Record<Doing, string> = {
  cancel: "It has ended.",
  pause: "It neither waits nor works.",
  resume: "It is neither paused nor cancelled.",
  retry: "It has not failed.",
};

/** Return why *doing* makes no sense now, null where it does; *counts* where the run is a batch and they are known. */
export function whyNot(doing: Doing, run: Run, counts?: BatchCounts): string | null {
  if (counts) return concerned(doing, counts) > 0 ? null : NONE_OF_BATCH[doing];
  if (run.wish) {
    if (doing === "resume") return null;
    if (doing === run.wish) return doing === "pause" ? "It is pausing." : "It is being cancelled.";
  }
  return MAY[doing].includes(run.state) ? null : WHY_NOT[doing];
}

export function isOpen(run: Pick<Run, "state">): boolean {
  return run.state === "queued" || run.state === "running" || run.state === "paused";
}

/** Whether it may move by itself at any moment. */
export function isMoving(run: Pick<Run, "state">): boolean {
  return run.state === "queued" || run.state === "running";
}
