import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { Run } from "@/api/types";
import { plural } from "@/lib/format";

const NOBODY = " No scheduler leads at the moment, so it happens once one does: start ./candlehouse up.";

function led(text: string, isLed: boolean): string {
  return isLed ? text : text + NOBODY;
}

type Retried = { retried: number[]; permanent: number[]; skipped_for_attempts: number[]; is_led: boolean };

/** `2 runs wait for their turn, and go on where they stopped. Left as they are: 1 run that failed for good.` */
export function retriedText(told: Retried): string {
  const left = [
    told.permanent.length > 0 && `${plural(told.permanent.length, "run")} that failed for good`,
    told.skipped_for_attempts.length > 0 &&
      `${plural(told.skipped_for_attempts.length, "run")} without attempts left`,
  ].filter(Boolean);
  const rest = left.length > 0 ? ` Left as they are: ${left.join(", ")}.` : "";
  const [first, ...more] = told.retried;
  if (first === undefined) return `Nothing is tried again.${rest}`;
  const done =
    more.length === 0
      ? `Run ${first} waits for its turn, and goes on where it stopped.`
      : `${plural(told.retried.length, "run")} wait for their turn, and go on where they stopped.`;
  return led(done + rest, told.is_led);
}

/** The four things that can be asked of a run or a batch. */
export function useRunActions(run: Pick<Run, "id" | "kind">) {
  const path = { id: run.id };
  const makesStale = [keys.runs, keys.rateLimit];
  const cancel = useAction({
    act: () => take(client.POST("/api/data-ingestion/cancel/{id}", { params: { path } })),
    makesStale,
    told: ({ runs, is_led }) =>
      led(`${plural(runs, "run")} cancelled. What was fetched stays; resume goes on from there.`, is_led),
  });
  const pause = useAction({
    act: () => take(client.POST("/api/data-ingestion/pause/{id}", { params: { path } })),
    makesStale,
    told: ({ runs, is_led }) => led(`${plural(runs, "run")} paused.`, is_led),
  });
  const resume = useAction({
    act: () => take(client.POST("/api/data-ingestion/resume/{id}", { params: { path } })),
    makesStale,
    told: ({ runs, is_led }) => led(`${plural(runs, "run")} resumed.`, is_led),
  });
  const retry = useAction({
    act: (force: boolean) => {
      const asked = { params: { path }, body: { force } };
      return run.kind === "batch"
        ? take(client.POST("/api/data-ingestion/retry-batch/{id}", asked))
        : take(client.POST("/api/data-ingestion/retry/{id}", asked));
    },
    makesStale,
    told: retriedText,
  });
  return { cancel, pause, resume, retry };
}
