import { Alert, Group, Text } from "@mantine/core";
import type { RunDetails } from "@/api/types";
import { Panel } from "@/components/Panel";
import { Pill, type Tone } from "@/components/Pill";
import { Prose } from "@/components/Prose";
import { kindWords } from "@/components/runs/words";
import { Time } from "@/components/Time";
import { duration } from "@/lib/time";
import { Facts } from "./Facts";
import { isWorthShowing } from "./factText";
import classes from "./runs.module.css";

type Props = { run: RunDetails };

const ERROR_TITLES: Record<string, string> = {
  permanent: "Failed, and would fail again as it is",
  transient: "Failed by what may pass",
  unexpected: "Failed unexpectedly",
  timeout: "Took longer than it may",
  abandoned: "Its process died",
};

/** What happened, what to do, and the traceback for those who want it. */
export function ErrorPanel({ run: { error, error_kind, traceback } }: Props) {
  if (!error) return null;
  return (
    <Alert color="red" variant="light" title={ERROR_TITLES[error_kind ?? ""] ?? "Failed"}>
      <Text size="sm">
        <Prose text={error.what} />
      </Text>
      {error.todo && (
        <Text size="sm" mt={6}>
          <strong>What to do:</strong> {error.todo}
        </Text>
      )}
      {error.series && (
        <Text size="xs" c="dimmed" mt={6}>
          {error.series}
          {error.window && <Prose text={`, ${error.window[0]} to ${error.window[1]}`} />}
        </Text>
      )}
      {traceback && (
        <details>
          <summary>Traceback</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
          <pre className={classes.trace} tabIndex={0}>
            {traceback}
          </pre>
        </details>
      )}
    </Alert>
  );
}

const STEP_TONES: Record<string, Tone> = {
  waiting: "quiet",
  running: "busy",
  done: "good",
  succeeded: "good",
  skipped: "quiet",
  failed: "bad",
  cancelled: "quiet",
};

export function StepsPanel({ run: { steps, state: ended, finished_ms } }: Props) {
  // A step in which a run was stopped or failed has no end of its own.
  const told = Object.entries(steps).map(
    ([name, state]) => [name, state === "running" && finished_ms !== null ? ended : state] as const,
  );
  if (told.length === 0) return null;
  return (
    <Panel title="Steps">
      <Group gap="lg">
        {told.map(([name, state]) => (
          <Group key={name} gap={8}>
            <Text size="sm">{name.replaceAll("_", " ")}</Text>
            <Pill tone={STEP_TONES[state] ?? "quiet"}>{state}</Pill>
          </Group>
        ))}
      </Group>
    </Panel>
  );
}

/** What the exchange did not have: no failure, but worth knowing. */
export function MissingPanel({ run: { missing } }: Props) {
  if (missing.length === 0) return null;
  return (
    <Panel
      title="What the exchange did not have"
      about="No failure: the gap check closes it by a second answer."
    >
      <ul className={classes.story}>
        {missing.map((one) => (
          <li key={one.start_ms}>
            <span>
              <Time ms={one.start_ms} /> to <Time ms={one.end_ms} />
            </span>
            <Text size="sm" c="dimmed">
              {duration(one.end_ms - one.start_ms)}
            </Text>
          </li>
        ))}
      </ul>
      {missing.length >= 100 && (
        <Text size="xs" c="dimmed">
          The first 100 are shown.
        </Text>
      )}
    </Panel>
  );
}

export function ResultPanel({ run: { result } }: Props) {
  if (!isWorthShowing(result)) return null;
  return (
    <Panel title="What came of it">
      <Facts of={result} />
    </Panel>
  );
}

/** What was asked for, by whom, with what. */
export function AboutPanel({ run }: Props) {
  return (
    <Panel title="What was asked for">
      <dl className={classes.facts}>
        <dt>Kind</dt>
        <dd>{kindWords(run.kind)}</dd>
        {run.job_id && (
          <>
            <dt>Job</dt>
            <dd>{run.job_id}</dd>
          </>
        )}
        <dt>Lane</dt>
        <dd>{run.lane}</dd>
        {run.window_start_ms !== null && (
          <>
            <dt>Window</dt>
            <dd>
              <Time ms={run.window_start_ms} /> to <Time ms={run.window_end_ms} />
            </dd>
          </>
        )}
        <dt>By</dt>
        <dd>
          {run.requested_by} ({run.origin === "schedule" ? "a schedule" : "a person"})
        </dd>
        <dt>Asked for</dt>
        <dd>
          <Time ms={run.created_ms} to="second" />
        </dd>
        <dt>Begun</dt>
        <dd>
          <Time ms={run.started_ms} to="second" />
        </dd>
        <dt>Ended</dt>
        <dd>
          <Time ms={run.finished_ms} to="second" />
        </dd>
      </dl>
      {isWorthShowing(run.parameters) && (
        <>
          <Text size="xs" c="dimmed" mt="sm" mb={4}>
            Parameters
          </Text>
          <Facts of={run.parameters} />
        </>
      )}
    </Panel>
  );
}

export function StoryPanel({ run: { events } }: Props) {
  if (events.length === 0) return null;
  return (
    <Panel title="Story">
      <ol className={classes.story}>
        {events.map((event, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two events may be alike in all they tell
          <li key={index}>
            <Time ms={event.at_ms} to="second" />
            <span>
              <Prose text={event.message} />
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
