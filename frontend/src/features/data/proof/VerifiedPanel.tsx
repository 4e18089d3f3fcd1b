import { SegmentedControl, Text } from "@mantine/core";
import { IconShieldCheck } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { components } from "@/api/schema";
import type { VerifiedDay, VerifyState } from "@/api/types";
import { type Column, DataTable } from "@/components/DataTable";
import { EmptyState } from "@/components/EmptyState";
import { Figure, Figures } from "@/components/Figure";
import { Pill } from "@/components/Pill";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";
import { count } from "@/lib/format";
import { oneOf, useUrlState } from "@/lib/urlState";
import { dayColumn, seriesColumn } from "../columns";
import shared from "../Data.module.css";
import { PagedPanel } from "../PagedPanel";

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
  dayColumn(),
  seriesColumn(),
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
    <PagedPanel
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
      toolbar={<Counts counts={query.data?.pages[0]?.counts ?? []} />}
      query={query}
      rowsOf={(page) => page.results}
      empty={
        which === "faults" ? (
          <EmptyState icon={IconShieldCheck} title="No fault was found" />
        ) : (
          <EmptyState icon={IconShieldCheck} title="No day was compared yet">
            Each night some days are, by chance. Verify above does so now.
          </EmptyState>
        )
      }
    >
      {(days) => (
        <DataTable
          label="Compared days"
          columns={COLUMNS}
          rows={days}
          rowKey={(one) => `${one.symbol} ${one.interval} ${one.day}`}
        />
      )}
    </PagedPanel>
  );
}

type Count = components["schemas"]["VerifiedCountOut"];

/** How many days were found in which state. */
function Counts({ counts }: { counts: readonly Count[] }) {
  if (counts.length === 0) return null;
  return (
    <div className={shared.toolbar}>
      <Figures>
        {counts.map((one) => (
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
  );
}
