import { Button, Chip, Group, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { Batch, RunDetails } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { RUN_WORDS } from "@/components/Pill";
import { isMoving, isOpen } from "@/components/runs/actions";
import { BatchSummary } from "@/components/runs/BatchSummary";
import { NobodyLeads } from "@/components/runs/NobodyLeads";
import { RunActions } from "@/components/runs/RunActions";
import { useNow } from "@/lib/now";
import { useUrlState } from "@/lib/urlState";
import { AboutPanel, ErrorPanel, StoryPanel } from "./Details";
import { readFilters, STATES } from "./filters";
import { RunHead } from "./RunHead";
import { RunTable } from "./RunTable";

const PAGE = 50;
const MOVING_MS = 1_500;

/** A batch: how far it is as a whole, and its runs. */
export function BatchView({ run }: { run: RunDetails }) {
  const [read, write] = useUrlState();
  const { states, cursor } = readFilters(read);
  const refresh = useRefresh();
  const query = useQuery({
    ...queries.batch(run.id, {
      state: states.length > 0 ? states : undefined,
      cursor: cursor ?? undefined,
      limit: PAGE,
    }),
    placeholderData: (before) => before,
    refetchInterval: ({ state }) => (state.data && isMoving(state.data.batch) ? MOVING_MS : refresh),
  });
  const nowMs = useNow(5_000);
  return (
    <>
      <RunHead run={run} actions={<RunActions run={run} counts={query.data?.counts} />} />
      <Stack gap="md">
        {isOpen(run) && <NobodyLeads />}
        <Panel title="Progress">
          <Loaded query={query}>
            {(told) => (
              <Stack gap="md" data-testid="batch-progress">
                <BatchSummary told={told} nowMs={nowMs} />
              </Stack>
            )}
          </Loaded>
        </Panel>
        <ErrorPanel run={run} />
        <Panel title="Its runs" flush>
          <StateChips
            counts={query.data?.counts}
            chosen={states}
            onChoose={(chosen) => write({ state: chosen.join(","), before: null })}
          />
          <Loaded
            query={query}
            isEmpty={({ child_jobs }) => child_jobs.length === 0}
            empty={<EmptyState title="None of its runs is like that" />}
          >
            {(told) => <Children told={told} cursor={cursor} onGo={(before) => write({ before })} />}
          </Loaded>
        </Panel>
        <AboutPanel run={run} />
        <StoryPanel run={run} />
      </Stack>
    </>
  );
}

type ChipsProps = {
  counts: Batch["counts"] | undefined;
  chosen: string[];
  onChoose: (states: string[]) => void;
};

function StateChips({ counts, chosen, onChoose }: ChipsProps) {
  const there = STATES.filter((state) => chosen.includes(state) || (counts?.[state] ?? 0) > 0);
  return (
    <Chip.Group multiple value={chosen} onChange={onChoose}>
      <Group gap={6} px="md" py="sm" role="group" aria-label="Only runs in this state">
        {there.map((state) => (
          <Chip key={state} value={state} size="xs">
            {RUN_WORDS[state]} {counts?.[state] ?? ""}
          </Chip>
        ))}
      </Group>
    </Chip.Group>
  );
}

type ChildrenProps = { told: Batch; cursor: string | null; onGo: (cursor: string | null) => void };

function Children({ told, cursor, onGo }: ChildrenProps) {
  const navigate = useNavigate();
  return (
    <>
      <RunTable
        label="Runs of this batch"
        runs={told.child_jobs}
        onRun={(child) => void navigate(`/runs/${child.id}`)}
      />
      <Group justify="flex-end" p="sm" gap="xs">
        {cursor && (
          <Button size="xs" variant="default" onClick={() => onGo(null)}>
            First
          </Button>
        )}
        {told.next_cursor && (
          <Button size="xs" variant="default" onClick={() => onGo(told.next_cursor)}>
            More
          </Button>
        )}
      </Group>
    </>
  );
}
