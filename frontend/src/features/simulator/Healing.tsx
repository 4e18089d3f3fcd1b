import { List, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import { Figure, Figures } from "@/components/Figure";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { HealthPill, Pill } from "@/components/Pill";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";

const EVERY_MS = 2_000;
const NEWS = { limit: 20 };

/** What becomes of faults: the exchange as Candlehouse sees it, what waits, what is missing, what was told. */
export function Healing() {
  const health = useQuery(queries.health());
  const limits = useQuery({ ...queries.rateLimit(), refetchInterval: EVERY_MS });
  const gaps = useQuery({
    ...queries.gaps({ state: ["detected", "filling", "failed"], limit: 100 }),
    refetchInterval: useRefresh(),
  });
  const news = useQuery(queries.notifications(NEWS));
  const exchange = health.data?.components.find((one) => one.name.startsWith("exchange"));
  return (
    <Panel title="What comes of it">
      <Figures>
        <Figure
          label="Exchange"
          value={exchange ? <HealthPill status={exchange.status} /> : "–"}
          about={exchange && <Prose text={exchange.found} />}
        />
        <Loaded query={limits} lines={1}>
          {(data) => <Calls limit={data.exchanges[0]} />}
        </Loaded>
        <Figure
          label="Open gaps"
          value={gaps.data?.gaps.length ?? "–"}
          about={<Link to="/data?tab=gaps">They are found and asked for each hour; look now</Link>}
        />
      </Figures>
      <Text size="sm" fw={600} mt="md">
        Told last
      </Text>
      <List size="sm" aria-label="Notifications">
        {news.data?.notifications.slice(0, 4).map((one) => (
          <List.Item key={one.id}>
            <Prose text={one.title} />, <Time ms={one.last_ms} relative />
          </List.Item>
        ))}
        {news.data?.notifications.length === 0 && <List.Item>Nothing yet</List.Item>}
      </List>
    </Panel>
  );
}

type Limit = {
  is_blocked: boolean;
  blocked_until_ms: number | null;
  breaker_state: string;
  breaker_failures: number;
};

function Calls({ limit }: { limit: Limit | undefined }) {
  if (!limit) return <Figure label="Calls" value="–" about="not asked yet" />;
  if (limit.is_blocked) {
    return (
      <Figure
        label="Calls"
        value={<Pill tone="bad">blocked</Pill>}
        about={<Time ms={limit.blocked_until_ms} relative />}
      />
    );
  }
  const isOpen = limit.breaker_state !== "closed";
  return (
    <Figure
      label="Calls"
      value={
        isOpen ? <Pill tone="warn">breaker {limit.breaker_state}</Pill> : <Pill tone="good">go out</Pill>
      }
      about={`${limit.breaker_failures} failures in a row`}
    />
  );
}
