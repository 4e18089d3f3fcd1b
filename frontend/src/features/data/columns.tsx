import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import type { Column } from "@/components/DataTable";

type OfSeries = { symbol: string; interval: string };

export function seriesColumn<T extends OfSeries>(): Column<T> {
  return {
    id: "series",
    title: "Series",
    sortBy: (one) => `${one.symbol} ${one.interval}`,
    cell: (one) => (
      <span className="ch-num">
        {one.symbol} {one.interval}
      </span>
    ),
  };
}

/** A UTC day of a series; it leads to what is known of that day. */
export function dayColumn<T extends OfSeries & { day: string }>(): Column<T> {
  return {
    id: "day",
    title: "Day",
    sortBy: (one) => one.day,
    cell: (one) => (
      <Anchor
        component={Link}
        size="sm"
        className="ch-num"
        to={`?tab=coverage&cell=${one.symbol}.${one.interval}.${one.day}`}
      >
        {one.day}
      </Anchor>
    ),
  };
}
