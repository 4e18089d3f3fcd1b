import { Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import type { Freshness, GapState, HealthStatus, RunState, Severity } from "@/api/types";
import classes from "./Pill.module.css";

export type Tone = "good" | "busy" | "warn" | "bad" | "quiet";

type Props = { tone: Tone; children: ReactNode; title?: ReactNode };

/** A state in a word, with a mark whose shape tells it without colour, too. */
export function Pill({ tone, children, title }: Props) {
  const pill = (
    <span className={classes.pill} data-tone={tone}>
      <span className={classes.mark} aria-hidden />
      {children}
    </span>
  );
  return title ? <Tooltip label={title}>{pill}</Tooltip> : pill;
}

const RUN_TONES: Record<RunState, Tone> = {
  queued: "quiet",
  running: "busy",
  paused: "warn",
  succeeded: "good",
  partly_failed: "warn",
  failed: "bad",
  cancelled: "quiet",
};

export const RUN_WORDS: Record<RunState, string> = {
  queued: "queued",
  running: "running",
  paused: "paused",
  succeeded: "succeeded",
  partly_failed: "partly failed",
  failed: "failed",
  cancelled: "cancelled",
};

export function RunPill({ state, wish }: { state: RunState; wish?: string | null }) {
  if (wish && state === "running")
    return <Pill tone="warn">{wish === "pause" ? "pausing" : "cancelling"}</Pill>;
  return <Pill tone={RUN_TONES[state]}>{RUN_WORDS[state]}</Pill>;
}

const FRESHNESS_TONES: Record<Freshness, Tone> = { fresh: "good", aging: "warn", stale: "bad" };

/** Freshness; null where nothing is held yet or the symbol is halted. */
export function FreshnessPill({ freshness, title }: { freshness: Freshness | null; title?: ReactNode }) {
  if (!freshness)
    return (
      <Pill tone="quiet" title={title}>
        no data
      </Pill>
    );
  return (
    <Pill tone={FRESHNESS_TONES[freshness]} title={title}>
      {freshness}
    </Pill>
  );
}

const GAP_TONES: Record<GapState, Tone> = {
  detected: "warn",
  filling: "busy",
  filled: "good",
  empty_at_exchange: "quiet",
  unfillable: "bad",
  failed: "bad",
};

export function GapPill({ state }: { state: GapState }) {
  return <Pill tone={GAP_TONES[state]}>{state.replaceAll("_", " ")}</Pill>;
}

const SEVERITY_TONES: Record<Severity, Tone> = { info: "quiet", warning: "warn", error: "bad" };

export function SeverityPill({ severity }: { severity: Severity }) {
  return <Pill tone={SEVERITY_TONES[severity]}>{severity}</Pill>;
}

export const HEALTH_TONES: Record<HealthStatus, Tone> = { healthy: "good", degraded: "warn", down: "bad" };

export function HealthPill({ status }: { status: HealthStatus }) {
  return <Pill tone={HEALTH_TONES[status]}>{status}</Pill>;
}
