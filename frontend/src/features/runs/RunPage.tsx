import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { PageHeader } from "@/components/PageHeader";
import { isMoving } from "@/components/runs/actions";
import { BatchView } from "./BatchView";
import { RunView } from "./RunView";

const MOVING_MS = 1_500;

export function Component() {
  const id = Number(useParams().id);
  return Number.isSafeInteger(id) && id > 0 ? (
    <One id={id} />
  ) : (
    <>
      <PageHeader title="Run" />
      <EmptyState
        title="There is no such run"
        action={
          <Anchor component={Link} to="/runs">
            To all runs
          </Anchor>
        }
      >
        Runs have numbers.
      </EmptyState>
    </>
  );
}

function One({ id }: { id: number }) {
  const refresh = useRefresh();
  const query = useQuery({
    ...queries.run(id),
    refetchInterval: ({ state }) => (state.data && isMoving(state.data) ? MOVING_MS : refresh),
  });
  return (
    <Loaded query={query} lines={8}>
      {(run) => (run.kind === "batch" ? <BatchView run={run} /> : <RunView run={run} />)}
    </Loaded>
  );
}
