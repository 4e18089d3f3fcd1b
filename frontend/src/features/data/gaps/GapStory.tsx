import { Anchor, Code, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { queries } from "@/api/queries";
import type { Gap, GapEvidence } from "@/api/types";
import { Loaded } from "@/components/Loaded";
import { ObjectFacts } from "@/components/ObjectFacts";
import { GapPill } from "@/components/Pill";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";
import { plural } from "@/lib/format";
import classes from "./Gaps.module.css";

/** All that is known of a gap: what is missing, why, what was done, and what proves it. */
export function GapStory({ gap }: { gap: Gap }) {
  return (
    <Stack gap={6} className={classes.story}>
      <Group gap="sm">
        <GapPill state={gap.state} />
        <Text size="sm" fw={550}>
          {plural(gap.missing, "candle")}, {gap.reason_in_words}
        </Text>
      </Group>
      <Text size="sm" className="ch-num">
        <Time ms={gap.start_ms} /> – <Time ms={gap.end_ms} />
      </Text>
      {gap.hint && (
        <Text size="sm">
          <Prose text={gap.hint} />
        </Text>
      )}
      {gap.error && (
        <Text size="sm" c="var(--ch-error)">
          <Prose text={gap.error} />
        </Text>
      )}
      {gap.beyond_reach > 0 && (
        <Text size="sm">
          {plural(gap.beyond_reach, "candle")} of it cannot be had from the exchange's API any more
          {gap.file_hint ? ":" : "."} {gap.file_hint && <Code>{gap.file_hint}</Code>}
        </Text>
      )}
      <Asked gap={gap} />
      <Evidence gap={gap} />
    </Stack>
  );
}

/** When it was found and asked for, and when again. */
function Asked({ gap }: { gap: Gap }) {
  return (
    <Text size="xs" c="dimmed" component="div">
      Found <Time ms={gap.detected_ms} relative />
      {gap.attempts === 0 ? ", not asked for yet" : `, asked for ${times(gap.attempts)}`}
      {gap.attempted_ms !== null && (
        <>
          , last <Time ms={gap.attempted_ms} relative />
        </>
      )}
      {gap.run_id !== null && (
        <>
          {" "}
          (
          <Anchor component={Link} underline="always" to={`/runs/${gap.run_id}`} size="xs">
            run {gap.run_id}
          </Anchor>
          )
        </>
      )}
      {gap.state === "filled" && gap.filled_ms !== null && (
        <>
          . Filled <Time ms={gap.filled_ms} relative />
        </>
      )}
      {gap.state !== "filled" && gap.ask_again_ms !== null && (
        <>
          . Worth asking again <Time ms={gap.ask_again_ms} relative />
        </>
      )}
      .
    </Text>
  );
}

function times(attempts: number): string {
  return attempts === 1 ? "once" : `${attempts} times`;
}

/** The exchange's own answers that had nothing there. */
function Evidence({ gap }: { gap: Gap }) {
  if (gap.evidence.length === 0) return null;
  return (
    <div>
      <Text size="xs" c="dimmed">
        {gap.state === "empty_at_exchange"
          ? "Proven empty by these answers of the exchange:"
          : "Answers of the exchange that had nothing there so far:"}
      </Text>
      <ul className={classes.evidence}>
        {gap.evidence.map((one) => (
          <li key={`${one.key} ${one.asked_ms}`}>
            <Proof evidence={one} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** One answer; a press opens it where it stands. */
function Proof({ evidence: { key, asked_ms } }: { evidence: GapEvidence }) {
  const [isOpen, { toggle }] = useDisclosure();
  return (
    <>
      <UnstyledButton onClick={toggle} aria-expanded={isOpen} className={classes.proof}>
        <code>{key}</code>
      </UnstyledButton>{" "}
      <Text size="xs" c="dimmed" component="span">
        asked for <Time ms={asked_ms} to="second" />
      </Text>
      {isOpen && <Opened objectKey={key} />}
    </>
  );
}

function Opened({ objectKey }: { objectKey: string }) {
  const query = useQuery(queries.object(objectKey));
  return (
    <Loaded query={query} lines={6}>
      {(object) => (
        <Stack gap="sm" py="xs">
          <ObjectFacts object={object} />
        </Stack>
      )}
    </Loaded>
  );
}
