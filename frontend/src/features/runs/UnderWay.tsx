import { Anchor, Group, SimpleGrid, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { Run } from "@/api/types";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { RunPill } from "@/components/Pill";
import { RunProgress } from "@/components/RunProgress";
import { isMoving } from "@/components/runs/actions";
import { RunActions } from "@/components/runs/RunActions";
import { runTitle } from "@/components/runs/words";
import { Time } from "@/components/Time";
import classes from "./runs.module.css";

const MOST = 50;
const MOVING_MS = 1_500;

/** Scheduled live work takes a second each minute: shown here it would only flicker. */
export function isWorthACard(run: Run): boolean {
  return !(run.lane === "live" && run.origin === "schedule" && run.state !== "paused");
}

/** What has not ended, batches and single runs, with bars that move. */
export function UnderWay() {
  const refresh = useRefresh();
  const query = useQuery({
    ...queries.runs({ state: ["running", "queued", "paused"], limit: MOST }),
    refetchInterval: ({ state }) => (state.data?.runs.some(isMoving) ? MOVING_MS : refresh),
  });
  return (
    <Panel title="Under way">
      <Loaded
        query={query}
        lines={2}
        isEmpty={({ runs }) => !runs.some(isWorthACard)}
        empty={
          <Text size="sm" c="dimmed">
            Nothing but the scheduled cycles, which fetch what has just closed.
          </Text>
        }
      >
        {({ runs, next_cursor }) => (
          <>
            <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
              {runs.filter(isWorthACard).map((run) => (
                <Card key={run.id} run={run} />
              ))}
            </SimpleGrid>
            {next_cursor && (
              <Text size="xs" c="dimmed" mt="xs">
                The newest {MOST} are shown; the history below finds the others by their state.
              </Text>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Card({ run }: { run: Run }) {
  return (
    <article className={classes.card} aria-label={`${runTitle(run)}, run ${run.id}`}>
      <Group justify="space-between" gap="xs" mb={6}>
        <Anchor component={Link} to={`/runs/${run.id}`} fw={600} size="sm">
          {runTitle(run)}
        </Anchor>
        <RunPill state={run.state} wish={run.wish} />
      </Group>
      <RunProgress run={run} />
      <Group justify="space-between" gap="xs" mt={8}>
        <Text size="xs" c="dimmed">
          asked for by {run.requested_by}, <Time ms={run.created_ms} relative />
        </Text>
        <RunActions run={run} brief />
      </Group>
    </article>
  );
}
