import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Run } from "@/api/types";
import { type Column, DataTable } from "@/components/DataTable";
import { RunPill } from "@/components/Pill";
import { amountText, restText } from "@/components/RunProgress";
import { runTitle } from "@/components/runs/words";
import { Time } from "@/components/Time";

const COLUMNS: Column<Run>[] = [
  {
    id: "run",
    title: "Run",
    cell: (run) => (
      <Anchor component={Link} to={`/runs/${run.id}`} size="sm" onClick={(event) => event.stopPropagation()}>
        {run.id} · {runTitle(run)}
      </Anchor>
    ),
  },
  { id: "state", title: "State", cell: (run) => <RunPill state={run.state} wish={run.wish} /> },
  {
    id: "window",
    title: "Window",
    from: "lg",
    cell: (run) =>
      run.window_start_ms === null ? (
        "–"
      ) : (
        <>
          <Time ms={run.window_start_ms} /> to <Time ms={run.window_end_ms} />
        </>
      ),
  },
  {
    id: "done",
    title: "Done",
    align: "right",
    cell: (run) => <span className="ch-num">{amountText(run) || "–"}</span>,
  },
  {
    id: "time",
    title: "Time",
    from: "sm",
    cell: (run) => <span className="ch-num">{restText(run) || "–"}</span>,
  },
  { id: "begun", title: "Asked for", from: "sm", cell: (run) => <Time ms={run.created_ms} relative /> },
  { id: "by", title: "By", from: "md", cell: (run) => run.requested_by },
  {
    id: "error",
    title: "Error",
    from: "md",
    cell: (run) =>
      run.error ? (
        <Text size="xs" c="var(--ch-error)" lineClamp={2} maw={320}>
          {run.error.what}
        </Text>
      ) : (
        ""
      ),
  },
];

type Props = { label: string; runs: readonly Run[]; onRun: (run: Run) => void };

export function RunTable({ label, runs, onRun }: Props) {
  return <DataTable label={label} columns={COLUMNS} rows={runs} rowKey={(run) => run.id} onRow={onRun} />;
}
