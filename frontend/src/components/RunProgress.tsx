import { Group, Progress, Text } from "@mantine/core";
import type { Run } from "@/api/types";
import { count, pace } from "@/lib/format";
import { duration } from "@/lib/time";
import { Prose } from "./Prose";

const COLOURS: Partial<Record<Run["state"], string>> = {
  succeeded: "green",
  failed: "red",
  partly_failed: "yellow",
  cancelled: "gray",
  paused: "yellow",
};

/** How far a run is: bar, counts, speed, time left, what it waits for. */
export function RunProgress({ run, compact = false }: { run: Run; compact?: boolean }) {
  const pct = run.progress_pct;
  const isMoving = run.state === "running" || run.state === "queued";
  return (
    <div>
      <Progress
        value={pct ?? (isMoving ? 100 : 0)}
        animated={run.state === "running"}
        striped={pct === null && run.state === "running"}
        color={COLOURS[run.state]}
        size={compact ? "sm" : "md"}
        aria-label={`Progress of run ${run.id}`}
      />
      <Group justify="space-between" gap="xs" mt={4}>
        <Text size="xs" c="dimmed" className="ch-num">
          {amountText(run)}
        </Text>
        <Text size="xs" c="dimmed" className="ch-num">
          <Prose text={restText(run)} />
        </Text>
      </Group>
    </div>
  );
}

/** `101,574 of 152,962 candles`. */
export function amountText(run: Pick<Run, "unit" | "done" | "total" | "progress_pct">): string {
  if (!run.unit) return run.progress_pct === null ? "" : `${run.progress_pct.toFixed(0)} %`;
  const of = run.total === null ? "" : ` of ${count(run.total)}`;
  return `${count(run.done)}${of} ${run.unit}`;
}

/** `2,864/s · 17 s left`, or what it waits for. */
export function restText(
  run: Pick<Run, "waiting_for" | "state" | "took_ms" | "rate" | "time_left_ms">,
): string {
  if (run.waiting_for) return `waits for ${run.waiting_for}`;
  if (run.state !== "running") return run.took_ms === null ? "" : `took ${duration(run.took_ms)}`;
  const parts = [];
  if (run.rate !== null) parts.push(pace(run.rate));
  if (run.time_left_ms !== null) parts.push(`${duration(run.time_left_ms)} left`);
  return parts.join(" · ");
}
