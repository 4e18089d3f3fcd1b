import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { components } from "@/api/schema";
import { ConfirmButton } from "@/components/ConfirmButton";
import { type Column, DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Time } from "@/components/Time";
import { count } from "@/lib/format";
import { AddSymbols } from "./AddSymbols";
import { KeepFor } from "./KeepFor";
import { useRemove } from "./symbolActions";
import { TierSelect } from "./TierSelect";

export type SeriesConfig = components["schemas"]["SeriesConfigOut"];

/** What is tracked: add, remove, how much it matters, for how long it is kept. */
export function Symbols() {
  const query = useQuery({ ...queries.configSymbols(), refetchInterval: useRefresh(30_000) });
  return (
    <Stack gap="md">
      <Panel
        title="Add symbols"
        about="Searched in the exchange's own list; from then on their candles are collected."
      >
        <AddSymbols />
      </Panel>
      <Panel title="Tracked" flush>
        <Loaded query={query} isEmpty={(data) => data.series.length === 0} empty={<NothingTracked />}>
          {(data) => (
            <DataTable
              label="Tracked series"
              columns={COLUMNS}
              rows={data.series}
              rowKey={(one) => `${one.symbol} ${one.interval}`}
              sorted={{ by: "symbol", down: false }}
            />
          )}
        </Loaded>
      </Panel>
    </Stack>
  );
}

const COLUMNS: readonly Column<SeriesConfig>[] = [
  { id: "symbol", title: "Symbol", cell: (one) => <b>{one.symbol}</b>, sortBy: (one) => one.symbol },
  { id: "interval", title: "Interval", cell: (one) => one.interval },
  {
    id: "candles",
    title: "Candles",
    align: "right",
    from: "sm",
    cell: (one) => count(one.candles),
    sortBy: (one) => one.candles,
  },
  { id: "from", title: "Wanted from", from: "md", cell: (one) => <Time ms={one.wanted_from_ms} to="day" /> },
  { id: "tier", title: "Tier", cell: (one) => <TierSelect series={one} /> },
  { id: "keep", title: "Kept for", from: "sm", cell: (one) => <KeepFor series={one} /> },
  {
    id: "remove",
    title: <span className="ch-unseen">Remove</span>,
    align: "right",
    cell: (one) => <Remove symbol={one.symbol} />,
  },
];

function Remove({ symbol }: { symbol: string }) {
  const remove = useRemove();
  return (
    <ConfirmButton
      size="compact-sm"
      variant="subtle"
      c="var(--ch-error)"
      label="Remove"
      aria-label={`Stop tracking ${symbol}`}
      question={`Stop tracking ${symbol}?`}
      confirm="Stop tracking"
      onConfirm={() => remove.mutate(symbol)}
    >
      All its intervals are no longer collected. What is held of it stays, and tracking it again goes on from
      there.
    </ConfirmButton>
  );
}

function NothingTracked() {
  return (
    <EmptyState title="Nothing is tracked">
      <Text size="sm">Add a symbol above; its first candles are here within a minute.</Text>
    </EmptyState>
  );
}
