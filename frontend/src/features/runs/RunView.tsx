import { Anchor, Group, Stack } from "@mantine/core";
import { Link } from "react-router";
import type { RunDetails } from "@/api/types";
import { Figure, Figures } from "@/components/Figure";
import { Panel } from "@/components/Panel";
import { Prose } from "@/components/Prose";
import { RunProgress } from "@/components/RunProgress";
import { isMoving, isOpen } from "@/components/runs/actions";
import { NobodyLeads } from "@/components/runs/NobodyLeads";
import { RunActions } from "@/components/runs/RunActions";
import { Time } from "@/components/Time";
import { count, pace, share } from "@/lib/format";
import { duration } from "@/lib/time";
import { AboutPanel, ErrorPanel, MissingPanel, ResultPanel, StepsPanel, StoryPanel } from "./Details";
import { RunHead } from "./RunHead";

/** A single run: how far it is, what it found, what went wrong, its story. */
export function RunView({ run }: { run: RunDetails }) {
  return (
    <>
      <RunHead run={run} actions={<RunActions run={run} />} />
      <Stack gap="md">
        {isOpen(run) && <NobodyLeads />}
        <Panel title="Progress" actions={<ToChart run={run} />}>
          <Stack gap="md" data-testid="run-progress">
            <RunProgress run={run} />
            <Numbers run={run} />
          </Stack>
        </Panel>
        <ErrorPanel run={run} />
        <StepsPanel run={run} />
        <MissingPanel run={run} />
        <ResultPanel run={run} />
        <AboutPanel run={run} />
        <StoryPanel run={run} />
      </Stack>
    </>
  );
}

function ToChart({ run }: { run: RunDetails }) {
  if (!run.symbol || !run.interval || run.loaded === 0) return null;
  return (
    <Group>
      <Anchor component={Link} size="sm" to={`/analytics?symbol=${run.symbol}&interval=${run.interval}`}>
        To the chart
      </Anchor>
    </Group>
  );
}

function Numbers({ run }: { run: RunDetails }) {
  return (
    <Figures>
      {run.unit === "candles" && (
        <>
          <Figure
            label="Fetched"
            value={count(run.fetched)}
            about={
              run.share_received === null || isOpen(run)
                ? undefined
                : `${share(run.share_received)} of what was expected`
            }
          />
          <Figure label="In the warehouse" value={count(run.loaded)} />
        </>
      )}
      {run.batches_total !== null && (
        <Figure label="Requests' pages" value={`${count(run.batches_done)} of ${count(run.batches_total)}`} />
      )}
      {isMoving(run) ? (
        <Figure
          label="Time left"
          value={run.time_left_ms === null ? "not known yet" : duration(run.time_left_ms)}
          about={run.rate === null ? undefined : pace(run.rate, run.unit)}
        />
      ) : (
        <Figure label="Took" value={duration(run.took_ms)} about={<Time ms={run.finished_ms} />} />
      )}
      <Figure label="Attempt" value={count(run.attempt)} about={`of ${run.attempt_limit} without progress`} />
      {run.waiting_for && <Figure label="Waits for" value={<Prose text={run.waiting_for} />} />}
      {run.current_series && isMoving(run) && (
        <Figure label="Works on" value={run.current_series} about={<Time ms={run.current_open_ms} />} />
      )}
    </Figures>
  );
}
