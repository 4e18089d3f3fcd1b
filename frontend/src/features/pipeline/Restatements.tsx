import { Stack, Text } from "@mantine/core";
import { IconChecks } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { components } from "@/api/schema";
import { Price } from "@/components/Amounts";
import { type Column, DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Figure, Figures } from "@/components/Figure";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Time } from "@/components/Time";
import { count, exact } from "@/lib/format";

type Restated = components["schemas"]["RestatedOut"];

/** What came more than once, and what the exchange changed afterwards. */
export function Restatements() {
  const every = useRefresh(30_000);
  const pipeline = useQuery(queries.pipeline());
  const duplicates = useQuery({
    ...queries.quality({ kind: ["duplicate"], acknowledged: true }),
    refetchInterval: every,
  });
  const query = useQuery({ ...queries.restatements({ limit: 100 }), refetchInterval: every });
  return (
    <Stack gap="md">
      <Panel
        title="Duplicates"
        about="The newest capture of a candle wins; the same candle twice changes nothing."
      >
        <Loaded query={pipeline} lines={2}>
          {(data) => (
            <Figures>
              <Figure
                label="Fetched live, ever"
                value={count(data.candles_fetched)}
                about="those asked for again included"
              />
              <Figure
                label="Held"
                value={count(data.candles_held)}
                about="each candle once, history included"
              />
              <Figure
                label="Answers with a candle twice"
                value={
                  duplicates.data
                    ? count(duplicates.data.findings.reduce((sum, one) => sum + one.count, 0))
                    : "–"
                }
                about={<Link to="/data?tab=quality">Findings</Link>}
              />
            </Figures>
          )}
        </Loaded>
      </Panel>
      <Panel
        flush
        title="Restatements"
        about="Candles that the exchange changed after they had closed; the earlier version stays readable."
      >
        <Loaded query={query} isEmpty={(data) => data.restatements.length === 0} empty={<NothingRestated />}>
          {(data) => (
            <>
              <DataTable
                label="Restatements"
                columns={COLUMNS}
                rows={data.restatements}
                rowKey={(one) => `${one.symbol} ${one.interval} ${one.open_time_ms} ${one.object_id}`}
              />
              {data.next_cursor && (
                <Text size="xs" c="dimmed" p="sm">
                  These are the newest {data.restatements.length}; there are more.
                </Text>
              )}
            </>
          )}
        </Loaded>
      </Panel>
    </Stack>
  );
}

const COLUMNS: readonly Column<Restated>[] = [
  {
    id: "candle",
    title: "Candle",
    cell: (one) => (
      <Link to={`/analytics?symbol=${one.symbol}&interval=${one.interval}&at=${one.open_time_ms}`}>
        {one.symbol} {one.interval} <Time ms={one.open_time_ms} />
      </Link>
    ),
  },
  { id: "close", title: "Earlier close", align: "right", cell: (one) => <Price amount={one.close_price} /> },
  {
    id: "volume",
    title: "Earlier volume",
    align: "right",
    from: "sm",
    cell: (one) => <span className="ch-num">{exact(one.volume)}</span>,
  },
  {
    id: "known",
    title: "Known from",
    from: "md",
    cell: (one) => <Time ms={one.known_from_ms} to="second" />,
  },
  {
    id: "replaced",
    title: "Replaced",
    cell: (one) => <Time ms={one.replaced_ms} relative />,
    sortBy: (one) => one.replaced_ms,
  },
];

function NothingRestated() {
  return (
    <EmptyState icon={IconChecks} title="No candle was restated">
      The last hours are asked for again each hour, the last two days each day; whatever the exchange amends
      is listed here.
    </EmptyState>
  );
}
