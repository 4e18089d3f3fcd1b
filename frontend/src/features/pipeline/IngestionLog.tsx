import { Button, Group, Select, Text, TextInput } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useRefresh } from "@/api/live";
import type { LakeObject } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { plural } from "@/lib/format";
import { saveCsv } from "@/lib/save";
import { oneOf, useUrlState } from "@/lib/urlState";
import { logQuery } from "./logQuery";
import { ObjectTable } from "./ObjectTable";

const STATES = ["", "landed", "loaded", "quarantined", "deleted"] as const;
const LANES = ["", "live", "repair", "history"] as const;
const TYPES = ["", "klines", "depth"] as const;

/** Every answer that came in, the newest first. */
export function IngestionLog() {
  const [read, write] = useUrlState();
  const symbol = (read("symbol") ?? "").toUpperCase();
  const state = oneOf(STATES, read("state"), "");
  const lane = oneOf(LANES, read("lane"), "");
  const type = oneOf(TYPES, read("type"), "");
  const query = useInfiniteQuery({
    ...logQuery({
      symbol: symbol || null,
      state: state || null,
      lane: lane || null,
      data_type: type || null,
    }),
    refetchInterval: useRefresh(15_000),
  });
  const rows = query.data?.pages.flatMap((page) => page.objects) ?? [];
  const pick = (name: string, label: string, value: string, words: readonly string[]) => (
    <Select
      size="xs"
      w={130}
      aria-label={label}
      value={value}
      data={words.map((word) => ({ value: word, label: word || label }))}
      onChange={(chosen) => write({ [name]: chosen })}
    />
  );
  return (
    <Panel
      flush
      title="Ingestion log"
      about="An object is one answer of the exchange, kept as it came"
      actions={
        <Button
          size="xs"
          variant="default"
          leftSection={<IconDownload size={14} />}
          disabled={rows.length === 0}
          onClick={() => saveCsv("ingestion-log.csv", rows)}
        >
          Save as CSV
        </Button>
      }
    >
      <Group gap="xs" p="sm">
        <TextInput
          size="xs"
          w={130}
          aria-label="Symbol"
          placeholder="Any symbol"
          value={symbol}
          onChange={(event) => write({ symbol: event.currentTarget.value.toUpperCase() })}
        />
        {pick("type", "Any type", type, TYPES)}
        {pick("lane", "Any lane", lane, LANES)}
        {pick("state", "Any state", state, STATES)}
      </Group>
      <Loaded
        query={query}
        lines={8}
        isEmpty={() => rows.length === 0}
        empty={<NothingFound isFiltered={Boolean(symbol || state || lane || type)} />}
      >
        {() => <Rows rows={rows} query={query} />}
      </Loaded>
    </Panel>
  );
}

type RowsProps = {
  rows: LakeObject[];
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
};

function Rows({ rows, query }: RowsProps) {
  return (
    <>
      <ObjectTable objects={rows} />
      <Group justify="space-between" p="sm">
        <Text size="xs" c="dimmed">
          {plural(rows.length, "object")} shown
          {query.hasNextPage ? "; there are older ones" : ", that is all"}
        </Text>
        {query.hasNextPage && (
          <Button
            size="xs"
            variant="default"
            loading={query.isFetchingNextPage}
            onClick={() => query.fetchNextPage()}
          >
            Show older ones
          </Button>
        )}
      </Group>
    </>
  );
}

function NothingFound({ isFiltered }: { isFiltered: boolean }) {
  return isFiltered ? (
    <EmptyState title="Nothing came in like that">Take a filter away to see more.</EmptyState>
  ) : (
    <EmptyState title="Nothing has come in yet">
      Each answer of the exchange is listed here once it has landed.
    </EmptyState>
  );
}
