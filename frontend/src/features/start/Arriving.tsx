import { Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { Batch, Run } from "@/api/types";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { RunPill } from "@/components/Pill";
import { RunProgress } from "@/components/RunProgress";
import { isMoving, isOpen } from "@/components/runs/actions";
import { BatchSummary } from "@/components/runs/BatchSummary";
import { NobodyLeads } from "@/components/runs/NobodyLeads";
import { RunActions } from "@/components/runs/RunActions";
import { runTitle } from "@/components/runs/words";
import { plural } from "@/lib/format";
import { useNow } from "@/lib/now";

const SHOWN = 24;
const MOVING_MS = 1_000;

/** The history on its way: bars, candles, time left; the way to the chart once there is something to see. */
export function Arriving({ id, onMore }: { id: number; onMore: () => void }) {
  const refresh = useRefresh();
  const query = useQuery({
    ...queries.batch(id, { limit: SHOWN }),
    refetchInterval: ({ state }) => (state.data && isMoving(state.data.batch) ? MOVING_MS : refresh),
  });
  const nowMs = useNow(5_000);
  return (
    <Stack gap="md">
      <NobodyLeads />
      <div ref={focusHere} tabIndex={-1}>
        <Panel
          title={query.data && !isOpen(query.data.batch) ? "Your history" : "Your history is on its way"}
          actions={query.data && <RunActions run={query.data.batch} counts={query.data.counts} />}
        >
          <Loaded query={query}>
            {(told) => (
              <Stack gap="md" data-testid="batch-progress">
                <Heading told={told} />
                <BatchSummary told={told} nowMs={nowMs} />
                <Next told={told} onMore={onMore} />
              </Stack>
            )}
          </Loaded>
        </Panel>
      </div>
      {query.data && (
        <Panel title="Piece by piece">
          <Stack gap="sm">
            {query.data.child_jobs.map((run) => (
              <Piece key={run.id} run={run} />
            ))}
            {query.data.next_cursor && (
              <Text size="xs" c="dimmed">
                And {plural(query.data.total_combinations - query.data.child_jobs.length, "more piece")}.
              </Text>
            )}
          </Stack>
        </Panel>
      )}
    </Stack>
  );
}

/** The button that led here is gone: whoever uses keys goes on from here, not from the top. */
function focusHere(element: HTMLElement | null) {
  element?.focus({ preventScroll: true });
}

function Heading({ told: { batch } }: { told: Batch }) {
  const text = isOpen(batch)
    ? batch.state === "paused"
      ? "Paused: nothing is fetched until you resume it."
      : "It goes on without this page; come back whenever you like."
    : batch.state === "succeeded"
      ? "All of it has arrived."
      : "It has ended, not with all of it. Retry or resume goes on where it stopped.";
  return (
    <Text size="sm" role="status">
      {text}
    </Text>
  );
}

/** Where there is something to see. */
export function firstToSee(runs: readonly Run[]): Run | undefined {
  return runs.find((run) => run.symbol !== null && run.interval !== null && run.loaded > 0);
}

function Next({ told, onMore }: { told: Batch; onMore: () => void }) {
  const seen = firstToSee(told.child_jobs);
  return (
    <Group gap="sm">
      {seen && (
        <>
          <Button component={Link} to={`/analytics?symbol=${seen.symbol}&interval=${seen.interval}`}>
            Look at the chart of {seen.symbol}
          </Button>
          <Button component={Link} to="/" variant="default">
            To the dashboard
          </Button>
        </>
      )}
      <Anchor component={Link} to={`/runs/${told.batch.id}`} size="sm">
        All about this batch
      </Anchor>
      <Button variant="subtle" size="compact-sm" onClick={onMore}>
        Choose more
      </Button>
    </Group>
  );
}

function Piece({ run }: { run: Run }) {
  return (
    <div>
      <Group justify="space-between" gap="xs" mb={4}>
        <Text size="sm">{runTitle(run)}</Text>
        <RunPill state={run.state} wish={run.wish} />
      </Group>
      <RunProgress run={run} compact />
    </div>
  );
}
