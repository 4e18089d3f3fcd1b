import type { Batch } from "@/api/types";
import { Figure, Figures } from "@/components/Figure";
import { RunProgress } from "@/components/RunProgress";
import { Time } from "@/components/Time";
import { count, plural, share } from "@/lib/format";
import { duration } from "@/lib/time";
import { isMoving } from "./actions";
import { countsText } from "./words";

/** How far a batch is: bar, counts, how long it still takes, when it ends. */
export function BatchSummary({ told, nowMs }: { told: Batch; nowMs: number }) {
  const { counts } = told;
  const batch = standing(told);
  const left = batch.time_left_ms;
  return (
    <>
      <RunProgress run={batch} />
      <Figures>
        <Figure
          label={batch.unit === "candles" ? "Candles" : "Done"}
          value={count(batch.done)}
          about={batch.total === null ? "of a total not known yet" : `of ${count(batch.total)}`}
        />
        <Figure label="Runs" value={count(told.total_combinations)} about={countsText(counts)} />
        {isMoving(batch) ? (
          <Figure
            label="Time left"
            value={left === null ? "not known yet" : duration(left)}
            about={left === null ? undefined : <>ends about {<Time ms={nowMs + left} to="clock" />}</>}
          />
        ) : batch.state === "paused" ? (
          <Figure label="Time left" value="paused" about="it goes on where it stopped" />
        ) : (
          <Figure label="Took" value={duration(batch.took_ms)} about={<Time ms={batch.finished_ms} />} />
        )}
        <Figure
          label="In the warehouse"
          value={count(batch.loaded)}
          about={
            // Of one that did not get to its end nobody knows what the exchange would have had.
            batch.share_received === null || batch.state !== "succeeded"
              ? plural(batch.fetched, "candle fetched", "candles fetched")
              : `the exchange had ${share(batch.share_received)} of what was asked for`
          }
        />
      </Figures>
    </>
  );
}

/** The batch, as paused once none of its runs moves any more: its own row still counts how fast it was. */
export function standing({ batch, counts }: Batch): Batch["batch"] {
  const isPaused = isMoving(batch) && counts.paused > 0 && counts.running === 0 && counts.queued === 0;
  return isPaused ? { ...batch, state: "paused", rate: null, time_left_ms: null } : batch;
}
