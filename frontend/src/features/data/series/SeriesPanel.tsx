import { Alert, Button, Group, SegmentedControl, Switch, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconHistory,
  IconRefresh,
  IconSearch,
  IconSearchOff,
  IconTool,
  IconZoomQuestion,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { SeriesStatus } from "@/api/types";
import { BackfillDialog } from "@/components/backfill/BackfillDialog";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { count, plural } from "@/lib/format";
import { oneOf, useUrlState } from "@/lib/urlState";
import { AskedRuns } from "../AskedRuns";
import shared from "../Data.module.css";
import { NothingTracked } from "../NothingTracked";
import { FRESHNESSES, type FreshnessFilter, filterRows, groupRows, keyOf, ORDERS, type Order } from "./rows";
import { SeriesTable } from "./SeriesTable";
import { EVERYTHING, type Selection, targetsOf } from "./selection";
import { useSeriesActions } from "./useSeriesActions";
import { checkedText } from "./words";

/** What is kept: each series with how fresh and how complete it is, and what can be done about it. */
export function SeriesPanel() {
  const query = useQuery({ ...queries.symbolsStatus(), refetchInterval: useRefresh() });
  return (
    <Panel title="Series" flush>
      <Loaded query={query} isEmpty={(data) => data.series.length === 0} empty={<NothingTracked />} lines={8}>
        {(data) => <Series rows={data.series} />}
      </Loaded>
    </Panel>
  );
}

function Series({ rows }: { rows: readonly SeriesStatus[] }) {
  const [read, write] = useUrlState();
  const [selection, setSelection] = useState<Selection>(new Set());
  const order = oneOf(ORDERS, read("order"), "symbol");
  const down = read("down") === "1";
  const filter = {
    search: read("search") ?? read("symbol") ?? "",
    freshness: oneOf(FRESHNESSES, read("freshness"), "all"),
    onlyGaps: read("gaps") === "1",
  };
  const shown = useDeferredValue(filterRows(rows, filter));
  const selected = rows.filter((row) => selection.has(keyOf(row)));
  const sort = (by: Order) => write({ order: by, down: by === order && !down ? "1" : null });
  return (
    <>
      <Group className={shared.toolbar} gap="sm">
        <TextInput
          value={filter.search}
          onChange={(event) => write({ search: event.currentTarget.value, symbol: null })}
          placeholder="Symbol or interval"
          aria-label="Find series by symbol or interval"
          leftSection={<IconSearch size={16} />}
          w={{ base: "100%", xs: 190 }}
        />
        <div className={shared.sideways}>
          <SegmentedControl
            aria-label="Freshness"
            value={filter.freshness}
            onChange={(value) => write({ freshness: value === "all" ? null : value })}
            data={FRESHNESSES.map((value) => ({ value, label: freshnessWord(value, rows) }))}
          />
        </div>
        <Switch
          label="Only with gaps"
          checked={filter.onlyGaps}
          onChange={(event) => write({ gaps: event.currentTarget.checked ? "1" : null })}
        />
      </Group>
      <SeriesActions selected={selected} onLetGo={() => setSelection(new Set())} />
      {shown.length === 0 ? (
        <EmptyState icon={IconSearchOff} title="No series is like that">
          {plural(rows.length, "series", "series")} are kept; none of them fits what is asked for above.
        </EmptyState>
      ) : (
        <SeriesTable
          groups={groupRows(shown, order, down)}
          order={order}
          down={down}
          onSort={sort}
          selection={selection}
          onSelection={setSelection}
        />
      )}
    </>
  );
}

function freshnessWord(value: FreshnessFilter, rows: readonly SeriesStatus[]): string {
  if (value === "all") return `All ${count(rows.length)}`;
  const amount = rows.filter((row) => (row.freshness ?? "none") === value).length;
  return `${value === "none" ? "no data" : value} ${count(amount)}`;
}

/** What is asked for: for the series that are selected, for all where none is. */
function SeriesActions({ selected, onLetGo }: { selected: readonly SeriesStatus[]; onLetGo: () => void }) {
  const { refresh, check, fill, asked, checked, forget } = useSeriesActions();
  const [isBackfilling, { open, close }] = useDisclosure();
  const targets = selected.length === 0 ? [EVERYTHING] : targetsOf(selected);
  const isNothing = targets.length === 0;
  return (
    <>
      <Group className={shared.toolbar} gap="xs">
        <Text size="sm" c="dimmed" role="status" miw={130}>
          {selected.length === 0 ? "All tracked series" : `${count(selected.length)} selected`}
        </Text>
        <Button
          size="xs"
          leftSection={<IconRefresh size={15} />}
          loading={refresh.isPending}
          disabled={isNothing}
          onClick={() => refresh.mutate(targets)}
        >
          Refresh
        </Button>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconZoomQuestion size={15} />}
          loading={check.isPending}
          disabled={isNothing}
          onClick={() => check.mutate(targets)}
        >
          Check gaps
        </Button>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconTool size={15} />}
          loading={fill.isPending}
          disabled={isNothing}
          onClick={() => fill.mutate(targets)}
        >
          Fill gaps
        </Button>
        <Button size="xs" variant="default" leftSection={<IconHistory size={15} />} onClick={open}>
          Backfill
        </Button>
        {selected.length > 0 && (
          <Button size="xs" variant="subtle" color="gray" onClick={onLetGo}>
            Clear selection
          </Button>
        )}
        {isNothing && (
          <Text size="xs" c="dimmed">
            These are not tracked: nothing is fetched for them.
          </Text>
        )}
      </Group>
      {checked && (
        <Alert variant="light" color="gray" withCloseButton onClose={forget} role="status" radius={0} p="sm">
          {checkedText(checked)}
        </Alert>
      )}
      <AskedRuns asked={asked} />
      <BackfillDialog
        opened={isBackfilling}
        onClose={close}
        symbols={[...new Set(selected.map((row) => row.symbol))]}
        intervals={selected.length === 0 ? undefined : [...new Set(selected.map((row) => row.interval))]}
      />
    </>
  );
}
