import { Progress, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import type { components } from "@/api/schema";
import { type Column, DataTable } from "@/components/DataTable";
import { Figure, Figures } from "@/components/Figure";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { HealthPill } from "@/components/Pill";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";
import { bytes, count } from "@/lib/format";

type Place = components["schemas"]["PlaceOut"];
type TableSize = components["schemas"]["TableOut"];

const EVERY_MS = 60_000;

/** The two stores: how full, how large, what takes the room. */
export function Storage() {
  const query = useQuery({ ...queries.storage(), refetchInterval: EVERY_MS });
  const health = useQuery(queries.health());
  const stores = health.data?.components.filter((one) => ["lake", "warehouse", "disk"].includes(one.name));
  return (
    <Stack gap="md">
      <Panel title="Stores">
        <Loaded query={query}>
          {(data) => (
            <Figures>
              {data.places.map((place) => (
                <PlaceFigure key={place.place} place={place} />
              ))}
              <Figure
                label="Warehouse server"
                value={`${data.server.kind} ${data.server.version}`}
                about={`${bytes(data.server.size_bytes)}; ${data.server.connections} of ${data.server.most_connections} connections in use`}
              />
            </Figures>
          )}
        </Loaded>
        {stores?.map((one) => (
          <Text key={one.name} size="sm" mt="sm" component="div">
            <HealthPill status={one.status} /> {one.name}: <Prose text={`${one.found}. ${one.advice}`} />
          </Text>
        ))}
      </Panel>
      <Panel
        title="Tables"
        about="The largest first; rows are the server's estimate on MySQL and MariaDB."
        flush
      >
        <Loaded query={query}>
          {(data) => (
            <DataTable
              label="Tables"
              columns={columnsFor(data.tables)}
              rows={data.tables}
              rowKey={(one) => one.table}
            />
          )}
        </Loaded>
      </Panel>
    </Stack>
  );
}

function PlaceFigure({ place }: { place: Place }) {
  const full =
    place.used_bytes !== null && place.free_bytes !== null
      ? place.used_bytes / (place.used_bytes + place.free_bytes)
      : null;
  return (
    <Figure
      label={place.place === "lake" ? "Lake" : "Warehouse"}
      value={bytes(place.used_bytes)}
      about={
        <>
          {place.objects !== null && `${count(place.objects)} objects, `}
          {bytes(place.free_bytes)} free where it lies, as of <Time ms={place.at_ms} relative />
          {full !== null && (
            <Progress
              value={full * 100}
              size="xs"
              mt={4}
              aria-label={`Share of its disk that the ${place.place} takes`}
            />
          )}
          <div style={{ overflowWrap: "anywhere" }}>{place.where}</div>
        </>
      }
    />
  );
}

function columnsFor(tables: readonly TableSize[]): readonly Column<TableSize>[] {
  const most = Math.max(1, ...tables.map((one) => one.size_bytes));
  return [
    { id: "table", title: "Table", cell: (one) => <code>{one.table}</code>, sortBy: (one) => one.table },
    { id: "rows", title: "Rows", align: "right", cell: (one) => count(one.rows), sortBy: (one) => one.rows },
    {
      id: "size",
      title: "Size",
      align: "right",
      cell: (one) => bytes(one.size_bytes),
      sortBy: (one) => one.size_bytes,
    },
    {
      id: "share",
      title: <span className="ch-unseen">Beside the largest</span>,
      from: "sm",
      cell: (one) => (
        <Progress
          value={(one.size_bytes / most) * 100}
          size="sm"
          aria-label={`${one.table} beside the largest table`}
        />
      ),
    },
  ];
}
