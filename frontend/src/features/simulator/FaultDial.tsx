import { Button, Text } from "@mantine/core";
import type { components } from "@/api/schema";
import { type Column, DataTable } from "@/components/DataTable";
import { Panel } from "@/components/Panel";
import { Pill } from "@/components/Pill";
import { Time } from "@/components/Time";
import { useTakeOff, useThrow } from "./actions";
import { Presets } from "./Presets";
import { FAULTS } from "./presets";
import { settingsOf } from "./words";

type Fault = components["schemas"]["FaultOut"];

/** Faults happen to answers on their way: what is on the dial, and what can be put there. */
export function FaultDial({ faults }: { faults: readonly Fault[] }) {
  const put = useThrow();
  const takeOff = useTakeOff();
  const columns: Column<Fault>[] = [
    { id: "kind", title: "Fault", cell: (one) => <b>{one.kind.replaceAll("_", " ")}</b> },
    { id: "how", title: "How", cell: (one) => settingsOf(one) || "always, to everyone" },
    { id: "happened", title: "Happened", align: "right", cell: (one) => one.happened },
    {
      id: "state",
      title: "State",
      cell: (one) => (one.spent ? <Pill tone="quiet">over</Pill> : <Pill tone="warn">on</Pill>),
    },
    { id: "since", title: "Since", from: "sm", cell: (one) => <Time ms={one.at_ms} relative /> },
    {
      id: "off",
      title: <span className="ch-unseen">Take off</span>,
      align: "right",
      cell: (one) => (
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          onClick={() => takeOff.mutate(one.id)}
          aria-label={`Take ${one.kind} off the dial`}
        >
          Take off
        </Button>
      ),
    },
  ];
  return (
    <Panel
      title="Fault dial"
      about="Faults happen to answers on their way."
      actions={
        <Button
          size="xs"
          variant="default"
          disabled={faults.length === 0}
          onClick={() => takeOff.mutate(null)}
        >
          All off
        </Button>
      }
    >
      <Presets
        noun="fault"
        presets={FAULTS}
        example="empty:path=klines,count=3"
        onSpec={(spec) => put.mutate(spec)}
        isBusy={put.isPending}
      />
      <div style={{ marginTop: "1rem" }}>
        {faults.length === 0 ? (
          <Text size="sm" c="dimmed">
            Nothing is on the dial: the exchange answers as it should.
          </Text>
        ) : (
          <DataTable label="Faults on the dial" columns={columns} rows={faults} rowKey={(one) => one.id} />
        )}
      </div>
    </Panel>
  );
}
