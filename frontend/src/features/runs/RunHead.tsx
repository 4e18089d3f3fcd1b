import { Anchor, Group } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { RunDetails } from "@/api/types";
import { PageHeader } from "@/components/PageHeader";
import { RunPill } from "@/components/Pill";
import { runTitle } from "@/components/runs/words";
import { Time } from "@/components/Time";

/** What a run is, where it stands, who asked for it, and what can be done with it. */
export function RunHead({ run, actions }: { run: RunDetails; actions: ReactNode }) {
  const named = run.kind === "batch" ? "Batch" : "Run";
  return (
    <PageHeader
      title={`${named} ${run.id}: ${runTitle(run)}`}
      about={
        <Group gap="md" component="span">
          <RunPill state={run.state} wish={run.wish} />
          <span>
            asked for by {run.requested_by} <Time ms={run.created_ms} relative />
          </span>
          {run.parent_id !== null && (
            <Anchor component={Link} to={`/runs/${run.parent_id}`} size="sm">
              of batch {run.parent_id}
            </Anchor>
          )}
        </Group>
      }
      actions={actions}
    />
  );
}
