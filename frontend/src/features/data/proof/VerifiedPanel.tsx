import { Anchor, SegmentedControl, Text } from "@mantine/core";
import { IconShieldCheck } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { VerifiedDay, VerifyState } from "@/api/types";
import { type Column, DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Figure, Figures } from "@/components/Figure";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Pill } from "@/components/Pill";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";
import { count } from "@/lib/format";
import { oneOf, useUrlState } from "@/lib/urlState";
import shared from "../Data.module.css";
import { MorePages } from "../MorePages";

const FAULTS: VerifyState[] = ["object_missing", "object_changed", "differs"];

export const STATE_WORDS: Record<VerifyState, string> = {
  same: "the same",
  differs: "differs",
  object_missing: "object missing",
  object_changed: "object changed",
  deleted: "objects aged out",
};

const COLUMNS: Column<VerifiedDay>[] = [
  {
    id: "state",
    title: "State",
    sortBy: (one) => Number(!one.is_fault),
    cell: (one) => (
      <Pill tone={one.is_fault ? "bad" : one.state === "same" ? "good" : "quiet"}>
        {STATE_WORDS[one.state]}
      </Pill>
    ),
  },
  {
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
  },
  {
    id: "series",
    title: "Series",
    sortBy: (one) => `${one.symbol} ${one.interval}`,
    cell: (one) => (
      <span className="ch-num">
        {one.symbol} {one.interval}
      </span>
    ),
  },
  {
    id: "candles",
    title: "Candles",
    align: "right",
    sortBy: (one) => one.candles,
    cell: (one) => count(one.candles),
  },
  {
    id: "detail",
    title: "What was found",
    cell: (one) => (
      <Text size="sm" miw={220} style={{ overflowWrap: "anywhere" }}>
        <Prose text={one.detail || "–"} />
      </Text>
    ),
  },
  {
    id: "when",
    title: "Compared",
    sortBy: (one) => one.verified_ms,
    cell: (one) => <Time ms={one.verified_ms} relative />,
  },
];

/** How each day compared with the lake when that was last tried. */
export function VerifiedPanel() {
  const [read, write] = useUrlState();
  const which = oneOf(["all", "faults"], read("verified"), "all");
  const query = useInfiniteQuery({
    ...queries.verifiedPages({ state: which === "faults" ? FAULTS : [], limit: 25 }),
    refetchInterval: useRefresh(),
  });
  return (
    <Panel
      title="Compared days"
      about="How each day compared with the lake when that was last tried: by a sample each night, and when asked for."
      actions={
        <SegmentedControl
          aria-label="Which days"
          size="xs"
          value={which}
          onChange={(value) => write({ verified: value === "all" ? null : value })}
          data={[
            { value: "all", label: "All" },
            { value: "faults", label: "Faults" },
          ]}
        />
      }
      flush
    >
      <Loaded
        query={query}
        isEmpty={(data) => data.pages[0]?.counts.length === 0}
        empty={
          <EmptyState icon={IconShieldCheck} title="No day was compared yet">
            Each night some days are, by chance. Verify above does so now.
          </EmptyState>
        }
      >
        {({ pages }) => (
          <>
            <div className={shared.toolbar}>
              <Figures>
                {(pages[0]?.counts ?? []).map((one) => (
                  <Figure
                    key={one.state}
                    label={`Days ${STATE_WORDS[one.state]}`}
                    value={count(one.days)}
                    about={
                      <>
                        last <Time ms={one.last_ms} relative />
                      </>
                    }
                  />
                ))}
              </Figures>
            </div>
            <DataTable
              label="Compared days"
              columns={COLUMNS}
              rows={pages.flatMap((page) => page.results)}
              rowKey={(one) => `${one.symbol} ${one.interval} ${one.day}`}
            />
          </>
        )}
      </Loaded>
      <MorePages query={query} />
    </Panel>
  );
}
