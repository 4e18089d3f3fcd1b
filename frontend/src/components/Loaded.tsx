import { Alert, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCloudOff } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { messageOf, Unreachable } from "@/api/problem";
import { Prose } from "./Prose";
import { Time } from "./Time";

type Props<T> = {
  query: UseQueryResult<T, Error>;
  children: (data: T) => ReactNode;
  /** Tells whether there is nothing to show, and then what to show instead. */
  isEmpty?: (data: T) => boolean;
  empty?: ReactNode;
  /** What stands there while the first answer is on its way; lines by default. */
  loading?: ReactNode;
  lines?: number;
};

/** Show what a query brought, or why there is nothing yet, or that it could not be had, or that it is old. */
export function Loaded<T>({ query, children, isEmpty, empty, loading, lines = 4 }: Props<T>) {
  const { data, error, isPending, refetch, isFetching, dataUpdatedAt } = query;
  if (data === undefined) {
    if (isPending && !error) return <>{loading ?? <Lines lines={lines} />}</>;
    return <Failed error={error} onRetry={() => void refetch()} isTrying={isFetching} />;
  }
  return (
    <>
      {error && <Old error={error} sinceMs={dataUpdatedAt} />}
      {isEmpty?.(data) ? empty : children(data)}
    </>
  );
}

function Lines({ lines }: { lines: number }) {
  return (
    <Stack gap="xs" p="md" role="status">
      <span className="ch-unseen">Loading</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines without content have no other name
        <Skeleton key={line} height={14} width={`${95 - ((line * 17) % 40)}%`} />
      ))}
    </Stack>
  );
}

export function Failed({
  error,
  onRetry,
  isTrying,
}: {
  error: unknown;
  onRetry: () => void;
  isTrying?: boolean;
}) {
  const isAway = error instanceof Unreachable;
  return (
    <Alert
      m="sm"
      color="red"
      variant="light"
      icon={isAway ? <IconCloudOff size={18} /> : <IconAlertTriangle size={18} />}
      title={isAway ? "No connection" : "This could not be loaded"}
    >
      <Group justify="space-between" gap="sm">
        <Text size="sm">
          <Prose text={messageOf(error)} />
        </Text>
        <Button size="xs" variant="default" onClick={onRetry} loading={isTrying}>
          Try again
        </Button>
      </Group>
    </Alert>
  );
}

function Old({ error, sinceMs }: { error: unknown; sinceMs: number }) {
  return (
    <Text size="xs" px="md" py={4} c="var(--ch-warning)" role="status">
      As of <Time ms={sinceMs} to="clock" />: {messageOf(error)}
    </Text>
  );
}
