import { Button } from "@mantine/core";
import { useState } from "react";
import type { Plan, SeriesPlan } from "@/api/types";
import { type Column, DataTable } from "@/components/DataTable";
import { Time } from "@/components/Time";
import { count } from "@/lib/format";
import { keptWords } from "./keeping";

const COLUMNS: Column<SeriesPlan>[] = [
  { id: "series", title: "Series", cell: (one) => `${one.symbol} ${one.interval}` },
  {
    id: "from",
    title: "From",
    cell: (one) => (one.start_ms === null ? "nothing to be had" : <Time ms={one.start_ms} to="day" />),
  },
  {
    id: "candles",
    title: "To fetch",
    align: "right",
    cell: (one) => count(one.candles),
    sortBy: (one) => one.candles,
  },
  { id: "held", title: "Held", align: "right", cell: (one) => count(one.held), sortBy: (one) => one.held },
  {
    id: "empty",
    title: "Empty",
    align: "right",
    cell: (one) => count(one.empty),
    sortBy: (one) => one.empty,
    from: "sm",
  },
  { id: "requests", title: "Requests", align: "right", cell: (one) => count(one.requests), from: "sm" },
  {
    id: "kept",
    title: "Kept so far",
    cell: (one) => (one.held > 0 ? keptWords(one.kept_days) : "–"),
    from: "md",
  },
];

const FIRST = 8;

/** The plan series by series. */
export function PlanSeries({ plan }: { plan: Plan }) {
  const [isWhole, setWhole] = useState(false);
  const rows = isWhole ? plan.series : plan.series.slice(0, FIRST);
  return (
    <div>
      <DataTable
        label="The plan, series by series"
        columns={COLUMNS}
        rows={rows}
        rowKey={(one) => `${one.symbol}.${one.interval}`}
      />
      {plan.series.length > FIRST && (
        <Button size="compact-sm" variant="subtle" onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Fewer" : `All ${plan.series.length} series`}
        </Button>
      )}
    </div>
  );
}
