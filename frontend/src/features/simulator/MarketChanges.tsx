import { Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import type { components } from "@/api/schema";
import { type Column, DataTable } from "@/components/DataTable";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Time } from "@/components/Time";
import { useChangeMarket, useTakeBack } from "./actions";
import { Presets } from "./Presets";
import { CHANGES } from "./presets";

type Change = components["schemas"]["ChangeOut"];

const EVERY_MS = 10_000;

/** Changes of the data themselves: the same for whoever asks. */
export function MarketChanges() {
  const query = useQuery({ ...queries.market(), refetchInterval: EVERY_MS });
  const change = useChangeMarket();
  return (
    <Panel title="Market" about="Changes of the data themselves, the same for whoever asks.">
      <Loaded query={query} isEmpty={(data) => !data.is_changeable} empty={<Untouched />}>
        {(data) => (
          <>
            <Presets
              noun="change"
              presets={CHANGES}
              example="hole:symbol=BTCUSDT,minutes=10,restored=+30m"
              onSpec={(spec) => change.mutate(spec)}
              isBusy={change.isPending}
            />
            <div style={{ marginTop: "1rem" }}>
              {data.changes.length === 0 ? (
                <Text size="sm" c="dimmed">
                  The market is as it came.
                </Text>
              ) : (
                <DataTable
                  label="Changes of the market"
                  columns={COLUMNS}
                  rows={data.changes}
                  rowKey={(one) => one.id}
                />
              )}
            </div>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

const COLUMNS: readonly Column<Change>[] = [
  { id: "kind", title: "Change", cell: (one) => <b>{one.kind.replaceAll("_", " ")}</b> },
  { id: "symbol", title: "Symbol", cell: (one) => one.symbol ?? "all" },
  { id: "from", title: "From", cell: (one) => <Time ms={one.from_ms} /> },
  { id: "until", title: "Until", cell: (one) => <Time ms={one.until_ms} /> },
  { id: "restored", title: "Restored", from: "sm", cell: (one) => <Time ms={one.restored_ms} relative /> },
  {
    id: "back",
    title: <span className="ch-unseen">Take back</span>,
    align: "right",
    cell: (one) => <TakeBack change={one} />,
  },
];

function TakeBack({ change }: { change: Change }) {
  const back = useTakeBack();
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      color="gray"
      loading={back.isPending}
      onClick={() => back.mutate(change.id)}
      aria-label={`Take back the ${change.kind}`}
    >
      Take back
    </Button>
  );
}

function Untouched() {
  return (
    <Text size="sm" c="dimmed">
      The simulator plays real archives, which it serves untouched.
    </Text>
  );
}
