import { Anchor } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { Restated } from "@/api/types";
import { Price } from "@/components/Amounts";
import { type Column, DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Time } from "@/components/Time";
import { exact } from "@/lib/format";
import { useUrlState } from "@/lib/urlState";
import { chartAddress } from "../chartAddress";
import { seriesColumn } from "../columns";
import { PagedPanel } from "../PagedPanel";
import { useKnownSymbols } from "../useKnownSymbols";

const AROUND_MS = 2 * 3_600_000;

const COLUMNS: Column<Restated>[] = [
  seriesColumn(),
  {
    id: "open",
    title: "Candle",
    sortBy: (one) => one.open_time_ms,
    cell: (one) => (
      <Anchor component={Link} size="sm" to={chartOf(one)}>
        <Time ms={one.open_time_ms} />
      </Anchor>
    ),
  },
  { id: "close", title: "Close before", align: "right", cell: (one) => <Price amount={one.close_price} /> },
  {
    id: "volume",
    title: "Volume before",
    align: "right",
    cell: (one) => <span className="ch-num">{exact(one.volume)}</span>,
  },
  { id: "known", title: "Known from", cell: (one) => <Time ms={one.known_from_ms} to="second" /> },
  {
    id: "replaced",
    title: "Amended",
    sortBy: (one) => one.replaced_ms,
    cell: (one) => <Time ms={one.replaced_ms} relative />,
  },
];

function chartOf(one: Restated): string {
  return chartAddress(one.symbol, one.interval, one.open_time_ms - AROUND_MS, one.open_time_ms + AROUND_MS);
}

/** Closed candles that the exchange has amended since, as they were known here before. */
export function RestatementsPanel() {
  const [read] = useUrlState();
  const symbol = read("symbol") ?? "";
  const isKnown = useKnownSymbols().has(symbol);
  const query = useInfiniteQuery({
    ...queries.restatementPages({ symbol: isKnown ? [symbol] : [], limit: 25 }),
    refetchInterval: useRefresh(),
  });
  return (
    <PagedPanel
      title="Amended candles"
      about="Closed candles that the exchange has changed since, as they were known here before. The newest answer holds."
      query={query}
      rowsOf={(page) => page.restatements}
      empty={
        <EmptyState icon={IconCircleCheck} title="No candle was amended">
          Each hour the last 3 hours are asked for again, each day the last 2 days, and compared.
        </EmptyState>
      }
    >
      {(rows) => (
        <DataTable
          label="Amended candles"
          columns={COLUMNS}
          rows={rows}
          rowKey={(one) => `${one.symbol} ${one.interval} ${one.open_time_ms} ${one.object_id}`}
        />
      )}
    </PagedPanel>
  );
}
