import { Group } from "@mantine/core";
import { Problem } from "@/api/problem";
import type { BatchCounts, Run } from "@/api/types";
import { ConfirmButton } from "@/components/ConfirmButton";
import { ActButton } from "./ActButton";
import { concerned, whyNot } from "./actions";
import { useRunActions } from "./useRunActions";

type Props = { run: Run; counts?: BatchCounts /** Only what stops it or lets it go on. */; brief?: boolean };

/** Pause, resume, retry, cancel: those that make no sense say why. */
export function RunActions({ run, counts, brief = false }: Props) {
  const { cancel, pause, resume, retry } = useRunActions(run);
  const isStopped = whyNot("pause", run, counts) !== null && whyNot("resume", run, counts) === null;
  const isRefused = retry.error instanceof Problem && retry.error.status === 409;
  const failed = counts ? concerned("retry", counts) : null;
  const canRetry = whyNot("retry", run, counts) === null;
  return (
    <Group gap="xs">
      {(!brief || !isStopped) && (
        <ActButton
          label="Pause"
          whyNot={whyNot("pause", run, counts)}
          loading={pause.isPending}
          onAct={() => pause.mutate(undefined)}
        />
      )}
      {(!brief || isStopped) && (
        <ActButton
          label="Resume"
          whyNot={whyNot("resume", run, counts)}
          loading={resume.isPending}
          onAct={() => resume.mutate(undefined)}
        />
      )}
      {!brief && (
        <ActButton
          label={
            failed ? `Retry all failed (${failed})` : run.kind === "batch" ? "Retry all failed" : "Retry"
          }
          whyNot={whyNot("retry", run, counts)}
          loading={retry.isPending}
          onAct={() => retry.mutate(false)}
        />
      )}
      {isRefused && canRetry && (
        <ActButton label="Try all the same" whyNot={null} onAct={() => retry.mutate(true)} />
      )}
      <Cancel run={run} why={whyNot("cancel", run, counts)} onCancel={() => cancel.mutate(undefined)} />
    </Group>
  );
}

function Cancel({ run, why, onCancel }: { run: Run; why: string | null; onCancel: () => void }) {
  if (why !== null) return <ActButton label="Cancel" whyNot={why} onAct={onCancel} />;
  const what = run.kind === "batch" ? `batch ${run.id} and its runs` : `run ${run.id}`;
  return (
    <ConfirmButton
      size="xs"
      variant="light"
      color="red"
      label="Cancel"
      question={`Cancel ${what}?`}
      confirm="Cancel it"
      onConfirm={onCancel}
    >
      No further request is sent. What was fetched stays, and Resume goes on from there later.
    </ConfirmButton>
  );
}
