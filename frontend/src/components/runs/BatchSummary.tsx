import type { Batch } from "@/api/types";
import { Figure, Figures } from "@/components/Figure";
import { RunProgress } from "@/components/RunProgress";
import { Time } from "@/components/Time";
import { count, plural, share } from "@/lib/format";
import { duration } from "@/lib/time";
import { isMoving, isOpen } from "./actions";
import { countsText } from "./words";

/** How far a batch is: bar, counts, how long it still takes, when it ends. */
export function BatchSummary({ told, nowMs }: { told: Batch; nowMs: number }) {
  const { batch, counts } = told;
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
        ) : (
          <Figure label="Took" value={duration(batch.took_ms)} about={<Time ms={batch.finished_ms} />} />
        )}
        <Figure
          label="In the warehouse"
          value={count(batch.loaded)}
          about={
            batch.share_received === null || isOpen(batch)
              ? plural(batch.fetched, "candle fetched", "candles fetched")
              : `the exchange had ${share(batch.share_received)} of what was asked for`
          }
        />
      </Figures>
    </>
  );
}
