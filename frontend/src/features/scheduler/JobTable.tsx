import { Button, Group, Switch, Text, Tooltip } from "@mantine/core";
import { IconCalendarCog, IconPlayerPlay } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Job } from "@/api/types";
import { type Column, DataTable } from "@/components/DataTable";
import { RunPill } from "@/components/Pill";
import { Spark } from "@/components/Spark";
import { Time } from "@/components/Time";
import { useNow } from "@/lib/now";
import { duration } from "@/lib/time";
import { useSwitchJob, useTrigger } from "./actions";

type Props = { jobs: readonly Job[]; onEdit: (id: string) => void };

/** The jobs: schedule in words, next and last run, how long they take. */
export function JobTable({ jobs, onEdit }: Props) {
  const columns: Column<Job>[] = [
    { id: "job", title: "Job", cell: (job) => <Name job={job} />, sortBy: (job) => job.title },
    { id: "schedule", title: "Schedule", cell: (job) => <Schedule job={job} />, from: "sm" },
    {
      id: "next",
      title: "Next run",
      cell: (job) => <Next job={job} />,
      sortBy: (job) => job.next_run_ms,
    },
    {
      id: "last",
      title: "Last run",
      cell: (job) => <Last job={job} />,
      from: "sm",
      sortBy: (job) => job.last_run?.created_ms ?? null,
    },
    { id: "took", title: "Took", cell: (job) => <Took job={job} />, from: "md" },
    { id: "on", title: "On", cell: (job) => <OnOff job={job} /> },
    {
      id: "act",
      title: <span className="ch-unseen">Actions</span>,
      cell: (job) => <Actions job={job} onEdit={onEdit} />,
    },
  ];
  return <DataTable label="Jobs" columns={columns} rows={jobs} rowKey={(job) => job.id} />;
}

function Name({ job }: { job: Job }) {
  return (
    <div style={{ minWidth: 130, maxWidth: 340 }}>
      <Text size="sm" fw={600} c={job.enabled ? undefined : "dimmed"}>
        {job.title}
      </Text>
      <Text size="xs" c="dimmed" visibleFrom="sm">
        {job.description}
      </Text>
      <Text size="xs" c="dimmed" hiddenFrom="sm">
        {job.in_words}
      </Text>
    </div>
  );
}

function Schedule({ job }: { job: Job }) {
  return (
    <div>
      <Text size="sm">{job.in_words}</Text>
      {job.problem && (
        <Text size="xs" c="var(--ch-error)">
          {job.problem}
        </Text>
      )}
      {!job.is_default && (
        <Text size="xs" c="dimmed">
          {job.locked_by ? `set by ${job.locked_by}` : `changed by ${job.updated_by ?? "somebody"}`}
        </Text>
      )}
    </div>
  );
}

function Next({ job }: { job: Job }) {
  if (!job.enabled)
    return (
      <Text size="sm" c="dimmed">
        off
      </Text>
    );
  if (job.under_way !== null) return <Link to={`/runs/${job.under_way}`}>running now</Link>;
  return <Due ms={job.next_run_ms ?? job.next_times_ms[0]} />;
}

/** A time to come: one that has just passed is due, and the leader takes it at its next look. */
function Due({ ms }: { ms: number | undefined }) {
  const nowMs = useNow();
  return ms !== undefined && ms <= nowMs ? <>due now</> : <Time ms={ms} relative />;
}

function Last({ job }: { job: Job }) {
  const run = job.last_run;
  if (!run)
    return (
      <Text size="sm" c="dimmed">
        not yet
      </Text>
    );
  return (
    <div>
      <RunPill state={run.state} wish={run.wish} />
      <Text size="xs" c="dimmed">
        <Link to={`/runs/${run.id}`}>run {run.id}</Link>, <Time ms={run.created_ms} relative />
      </Text>
    </div>
  );
}

function Took({ job }: { job: Job }) {
  if (job.usual_ms === null)
    return (
      <Text size="sm" c="dimmed">
        –
      </Text>
    );
  return (
    <Group gap="xs" wrap="nowrap">
      <span className="ch-num">{duration(job.usual_ms)}</span>
      <Spark
        neutral
        values={job.durations_ms}
        width={70}
        height={20}
        label={`How long the last ${job.durations_ms.length} runs took`}
      />
    </Group>
  );
}

function OnOff({ job }: { job: Job }) {
  const change = useSwitchJob();
  return (
    <Switch
      checked={change.isPending ? !job.enabled : job.enabled}
      aria-label={`${job.title} runs by itself`}
      onChange={() => change.mutate(job)}
      size="sm"
    />
  );
}

function Actions({ job, onEdit }: { job: Job; onEdit: (id: string) => void }) {
  const trigger = useTrigger();
  return (
    <Group gap={6} wrap="nowrap" justify="flex-end">
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<IconPlayerPlay size={14} />}
        loading={trigger.isPending}
        onClick={() => trigger.mutate(job)}
        aria-label={`Run ${job.title} now`}
      >
        Run
      </Button>
      <Tooltip label={job.locked_by ? `Its schedule is set by ${job.locked_by}` : "Schedule and parameters"}>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => onEdit(job.id)}
          aria-label={`Edit ${job.title}`}
        >
          <IconCalendarCog size={15} />
        </Button>
      </Tooltip>
    </Group>
  );
}
