import { Alert, Group, Progress, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { RateLimit } from "@/api/types";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Pill } from "@/components/Pill";
import { Time } from "@/components/Time";
import { count, plural } from "@/lib/format";
import { LANES, laneShares, usedLine } from "./requests";
import classes from "./runs.module.css";

/** How much of what the exchange allows is used this minute, by whom, and whether it is blocked. */
export function RequestsPanel() {
  const query = useQuery({ ...queries.rateLimit(), refetchInterval: Math.min(5_000, useRefresh()) });
  return (
    <Panel
      title="Requests to the exchange"
      about="Used request weight of this minute. Live data, repairs and history share it; each has a floor."
    >
      <Loaded
        query={query}
        lines={2}
        isEmpty={({ exchanges }) => exchanges.length === 0}
        empty={
          <Text size="sm" c="dimmed">
            No exchange was asked anything yet.
          </Text>
        }
      >
        {({ exchanges }) =>
          exchanges.map((one) => <Budget key={`${one.exchange} ${one.egress}`} told={one} />)
        }
      </Loaded>
    </Panel>
  );
}

function Budget({ told }: { told: RateLimit }) {
  const shares = laneShares(told);
  return (
    <section aria-label={`Budget at ${told.exchange}`}>
      <Group justify="space-between" gap="xs" mb={6}>
        <Text size="sm" fw={600}>
          {told.exchange}
          {told.egress !== "default" && ` from ${told.egress}`}
        </Text>
        <Text size="sm">{usedLine(told)}</Text>
      </Group>
      <Progress.Root size="lg">
        {LANES.map(({ lane, colour, name }) => (
          <Progress.Section key={lane} value={shares[lane]} color={colour} aria-label={`Used by ${name}`} />
        ))}
      </Progress.Root>
      <ul className={classes.lanes}>
        {LANES.map(({ lane, colour, name }) => (
          <li key={lane} className="ch-num">
            <span className={classes.mark} style={{ background: colour }} aria-hidden />
            {name} {count(told.is_current ? told.lanes[lane] : 0)}
          </li>
        ))}
        <li>
          <Breaker told={told} />
        </li>
      </ul>
      {told.is_blocked && (
        <Alert color="red" variant="light" mt="sm" title="The exchange has told us to wait">
          Nobody on this address calls it before <Time ms={told.blocked_until_ms} to="second" />
          {told.block_reason && `: ${told.block_reason}`}. All work goes on by itself then.
        </Alert>
      )}
    </section>
  );
}

function Breaker({ told }: { told: RateLimit }) {
  if (told.breaker_state === "closed")
    return (
      <Pill tone={told.breaker_failures > 0 ? "warn" : "good"}>
        {told.breaker_failures > 0 ? `${plural(told.breaker_failures, "failure")} in a row` : "answers"}
      </Pill>
    );
  return (
    <Pill tone="bad">
      does not answer since <Time ms={told.breaker_opened_ms} relative />:{" "}
      {told.breaker_state === "open" ? "not asked for a while" : "one call tries whether it does again"}
    </Pill>
  );
}
