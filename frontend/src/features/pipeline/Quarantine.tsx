import { Button, Code, Group, Stack, Text } from "@mantine/core";
import { IconRefresh, IconShieldCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { client, take } from "@/api/client";
import { useRefresh } from "@/api/live";
import { useAction } from "@/api/operator";
import { keys, queries } from "@/api/queries";
import type { components } from "@/api/schema";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";
import { plural } from "@/lib/format";
import classes from "./Pipeline.module.css";

type Entry = components["schemas"]["SetAsideOut"];

const STALE_AFTER = [keys.quarantine, keys.pipeline, keys.ingestionLog, keys.runs];

/** What came in and could not be loaded, with the reason; nothing of it is lost. */
export function Quarantine() {
  const query = useQuery({ ...queries.quarantine(), refetchInterval: useRefresh(15_000) });
  const retryAll = useAction({
    act: () => take(client.POST("/api/quarantine/retry")),
    makesStale: STALE_AFTER,
    told: (out) =>
      out.job_id === null ? "There is nothing to try again." : `They are tried again: run ${out.job_id}.`,
  });
  return (
    <Panel
      flush
      title="Quarantine"
      about="What did not fit or cannot be true is set aside with its reason. After an update, it can be tried again."
      actions={
        <Button
          size="xs"
          variant="default"
          leftSection={<IconRefresh size={14} />}
          disabled={!query.data?.entries.length}
          loading={retryAll.isPending}
          onClick={() => retryAll.mutate(undefined)}
        >
          Try all again
        </Button>
      }
    >
      <Loaded query={query} isEmpty={(data) => data.entries.length === 0} empty={<NothingAside />}>
        {(data) => (
          <Stack gap={0}>
            {data.entries.map((entry) => (
              <EntryRow key={entry.object.id} entry={entry} />
            ))}
            {data.next_cursor && (
              <Text size="xs" c="dimmed" p="sm">
                These are the newest {data.entries.length}; there are more.
              </Text>
            )}
          </Stack>
        )}
      </Loaded>
    </Panel>
  );
}

function NothingAside() {
  return (
    <EmptyState icon={IconShieldCheck} title="Nothing is set aside">
      Every answer that came in could be read and loaded.
    </EmptyState>
  );
}

function EntryRow({ entry }: { entry: Entry }) {
  const { object, rows, row_count } = entry;
  const retry = useAction({
    act: () => take(client.POST("/api/quarantine/{id}/retry", { params: { path: { id: object.id } } })),
    makesStale: STALE_AFTER,
    told: () => `Object ${object.id} waits to be loaded again.`,
  });
  return (
    <div className={classes.entry}>
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600}>
          {object.symbol} {object.interval ?? object.data_type}, captured{" "}
          <Time ms={object.captured_ms} to="second" />
        </Text>
        <Button
          size="compact-sm"
          variant="default"
          loading={retry.isPending}
          onClick={() => retry.mutate(undefined)}
        >
          Try again
        </Button>
      </Group>
      <Text size="sm" c="var(--ch-error)">
        {row_count === 0
          ? (object.error ?? "The answer as a whole could not be read.")
          : `${plural(row_count, "row")} set aside`}
      </Text>
      {rows.map((row) => (
        <Text key={row.index} size="xs" component="div">
          Row {row.index}: <Prose text={row.reason} /> <Code className={classes.raw}>{row.raw}</Code>
        </Text>
      ))}
      <Text size="xs" c="dimmed" className={classes.raw}>
        {object.bucket}/{object.key}
      </Text>
    </div>
  );
}
