import { Button, Group, MultiSelect, Select, Text, TextInput } from "@mantine/core";
import { IconCircleCheck, IconSearch, IconTool } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { Gap } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { count } from "@/lib/format";
import { useUrlState } from "@/lib/urlState";
import { AskedRuns } from "../AskedRuns";
import shared from "../Data.module.css";
import { PagedPanel } from "../PagedPanel";
import { useKnownSymbols } from "../useKnownSymbols";
import { GapsTable } from "./GapsTable";
import { GAP_STATES, isFillable, parseStates } from "./states";
import { useGapActions } from "./useGapActions";

const RECENT = [
  { value: "", label: "Whenever" },
  { value: "1", label: "The last day" },
  { value: "7", label: "The last 7 days" },
  { value: "30", label: "The last 30 days" },
  { value: "365", label: "The last year" },
];

/** The gaps: which candles are missing, why, and what was done about it. */
export function GapsPanel() {
  const [read, write] = useUrlState();
  const states = parseStates(read("state"));
  const symbol = read("symbol") ?? "";
  const known = useKnownSymbols();
  const recent = RECENT.find((one) => one.value === read("recent"))?.value ?? "";
  const query = useInfiniteQuery({
    ...queries.gapPages({
      state: states,
      // A name that is still being typed is none of the API's.
      symbol: known.has(symbol) ? [symbol] : [],
      recent_days_only: recent ? Number(recent) : undefined,
      limit: 50,
    }),
    refetchInterval: useRefresh(),
  });
  const { fill, check, asked } = useGapActions();
  return (
    <PagedPanel
      title="Gaps"
      about="What is wanted and not held. Those that end last come first."
      actions={
        <Button size="xs" variant="default" loading={check.isPending} onClick={() => check.mutate(undefined)}>
          Check gaps
        </Button>
      }
      toolbar={
        <>
          <Group className={shared.toolbar} gap="sm" align="flex-end">
            <TextInput
              label="Symbol"
              value={symbol}
              onChange={(event) => write({ symbol: event.currentTarget.value.toUpperCase() })}
              placeholder="All"
              leftSection={<IconSearch size={16} />}
              error={
                symbol !== "" && known.size > 0 && !known.has(symbol) ? "No such symbol is kept" : undefined
              }
              w={{ base: "100%", xs: 180 }}
            />
            <MultiSelect
              label="State"
              data={GAP_STATES.map((value) => ({ value, label: value.replaceAll("_", " ") }))}
              value={states}
              onChange={(chosen) => write({ state: chosen.join() })}
              placeholder={states.length === 0 ? "All that are open" : undefined}
              w={{ base: "100%", xs: 280 }}
              clearable
            />
            <Select
              label="That end within"
              data={RECENT}
              value={recent}
              onChange={(value) => write({ recent: value })}
              w={{ base: "100%", xs: 160 }}
            />
          </Group>
          <AskedRuns asked={asked} />
        </>
      }
      query={query}
      rowsOf={(page) => page.gaps}
      empty={<NoGaps isNarrowed={states.length > 0 || symbol !== "" || recent !== ""} />}
      lines={8}
    >
      {(gaps) => <Gaps gaps={gaps} fill={fill} />}
    </PagedPanel>
  );
}

function NoGaps({ isNarrowed }: { isNarrowed: boolean }) {
  return (
    <EmptyState icon={IconCircleCheck} title={isNarrowed ? "No gap is like that" : "No gap is open"}>
      {isNarrowed
        ? "Widen what is asked for above."
        : "None that anybody has found so far. Recent gaps are looked for each hour, all at night; Check gaps does so now."}
    </EmptyState>
  );
}

type GapsProps = { gaps: readonly Gap[]; fill: ReturnType<typeof useGapActions>["fill"] };

function Gaps({ gaps, fill }: GapsProps) {
  const [selection, setSelection] = useState<ReadonlySet<number>>(new Set());
  const chosen = gaps.filter((gap) => selection.has(gap.id) && isFillable(gap)).map((gap) => gap.id);
  return (
    <>
      <Group className={shared.toolbar} gap="xs">
        <Text size="sm" c="dimmed" role="status" miw={130}>
          {chosen.length === 0 ? `${count(gaps.length)} shown` : `${count(chosen.length)} selected`}
        </Text>
        <Button
          size="xs"
          leftSection={<IconTool size={15} />}
          disabled={chosen.length === 0}
          loading={fill.isPending}
          onClick={() => fill.mutate(chosen)}
        >
          Fill selected
        </Button>
      </Group>
      <GapsTable gaps={gaps} selection={selection} onSelection={setSelection} />
    </>
  );
}
