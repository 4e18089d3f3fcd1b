import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import { Figure, Figures } from "@/components/Figure";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Pill } from "@/components/Pill";
import { Time } from "@/components/Time";

const EVERY_MS = 3_000; // as often as the leader shows a sign of life

/** Which process does the work, and when it last said so. */
export function LeaderPanel() {
  const query = useQuery({ ...queries.leader(), refetchInterval: EVERY_MS });
  return (
    <Panel title="Leader" about="One process does the work; others stand by and take over when it dies.">
      <Loaded query={query} lines={2}>
        {(leader) => (
          <Figures>
            <Figure
              label="State"
              value={leader.is_led ? <Pill tone="good">leading</Pill> : <Pill tone="bad">nobody leads</Pill>}
              about={
                leader.is_led ? leader.holder : "Start ./candlehouse up; what was due is then caught up."
              }
            />
            <Figure
              label="Heartbeat"
              value={<Time ms={leader.heartbeat_ms} relative />}
              about="every 3 seconds"
            />
            <Figure label="Leads since" value={<Time ms={leader.since_ms} />} />
          </Figures>
        )}
      </Loaded>
    </Panel>
  );
}
