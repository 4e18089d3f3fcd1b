import { Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { queries } from "@/api/queries";
import type { TrackedSymbol } from "@/api/types";
import { plural } from "@/lib/format";
import { useNow } from "@/lib/now";
import { usePreference } from "@/lib/preferences";
import { Panel } from "./Panel";

const DAY_MS = 86_400_000;

/** Whether nobody has asked for history yet: all that is tracked begins where the very first start began. */
export function isFirstVisit(symbols: readonly TrackedSymbol[], nowMs: number): boolean {
  return symbols
    .flatMap((one) => one.series)
    .every((one) => one.wanted_from_ms === null || one.wanted_from_ms > nowMs - 3 * DAY_MS);
}

/** On the dashboard of a new installation: what is here, and the way to more. It can be put away. */
export function Welcome() {
  const [isAway, putAway] = usePreference("welcome", "");
  const { data } = useQuery(queries.symbols());
  const nowMs = useNow(60_000);
  if (isAway !== "" || !data || !isFirstVisit(data.symbols, nowMs)) return null;
  const tracked = data.symbols.filter((one) => one.tracked).length;
  return (
    <Panel title="Welcome to Candlehouse">
      <Text size="sm">
        {tracked === 0
          ? "Nothing is collected yet. Choose symbols and how much of their history you want."
          : `${plural(tracked, "symbol")} ${tracked === 1 ? "is" : "are"} collected from now on, with what happened in the last day. Choose more symbols, and how much of their history you want.`}
      </Text>
      <Group mt="sm" gap="sm">
        <Button component={Link} to="/start">
          Get started
        </Button>
        {tracked > 0 && (
          <Button variant="subtle" onClick={() => putAway("seen")}>
            Not now
          </Button>
        )}
      </Group>
    </Panel>
  );
}
