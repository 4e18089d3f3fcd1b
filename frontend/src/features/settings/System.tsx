import { Stack, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { components } from "@/api/schema";
import { type Column, DataTable } from "@/components/DataTable";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Time } from "@/components/Time";
import { count } from "@/lib/format";
import { Doctor } from "./Doctor";

type Watermark = components["schemas"]["WatermarkOut"];

/** What runs here and on what, whether it is well, and how far live fetching has come. */
export function System() {
  const system = useQuery(queries.system());
  const watermarks = useQuery({ ...queries.watermarks(), refetchInterval: useRefresh(15_000) });
  return (
    <Stack gap="md">
      <Panel title="This installation" flush>
        <Loaded query={system}>
          {(data) => (
            <Table aria-label="This installation">
              <Table.Tbody>
                <Fact name="Version">{data.version}</Fact>
                <Fact name="Schema of the warehouse">{data.schema_version ?? "none yet"}</Fact>
                <Fact name="Exchange">
                  {data.exchange} at {data.exchange_url}
                </Fact>
                <Fact name="Lake">{data.lake}</Fact>
                <Fact name="Warehouse">{data.warehouse}</Fact>
                <Fact name="Python">{data.python}</Fact>
                <Fact name="Machine">{data.machine}</Fact>
                <Fact name="API">
                  <a href="api/docs">Browse and try all calls</a>
                </Fact>
              </Table.Tbody>
            </Table>
          )}
        </Loaded>
      </Panel>
      <Doctor />
      <Panel
        title="Extraction metadata"
        about="The watermark is the last closed candle that is safe in the lake."
        flush
      >
        <Loaded query={watermarks}>
          {(data) => (
            <DataTable
              label="Extraction metadata"
              columns={COLUMNS}
              rows={data.watermarks}
              rowKey={(one) => `${one.symbol} ${one.data_type} ${one.interval}`}
            />
          )}
        </Loaded>
      </Panel>
    </Stack>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th scope="row" w={190}>
        {name}
      </Table.Th>
      <Table.Td style={{ overflowWrap: "anywhere" }}>{children}</Table.Td>
    </Table.Tr>
  );
}

const COLUMNS: readonly Column<Watermark>[] = [
  { id: "symbol", title: "Symbol", cell: (one) => one.symbol, sortBy: (one) => one.symbol },
  { id: "what", title: "What", cell: (one) => one.interval ?? one.data_type },
  {
    id: "mark",
    title: "Watermark",
    cell: (one) => <Time ms={one.last_open_ms} />,
    sortBy: (one) => one.last_open_ms,
  },
  {
    id: "fetch",
    title: "Last landed",
    cell: (one) => <Time ms={one.last_fetch_ms} relative />,
    sortBy: (one) => one.last_fetch_ms,
  },
  {
    id: "count",
    title: "Landed live",
    align: "right",
    from: "sm",
    cell: (one) => count(one.record_count),
    sortBy: (one) => one.record_count,
  },
];
