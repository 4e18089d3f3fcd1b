import { Button, Text } from "@mantine/core";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { Finding, Severity } from "@/api/types";
import { type Column, DataTable } from "@/components/DataTable";
import { SeverityPill } from "@/components/Pill";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";
import { count } from "@/lib/format";
import { dayColumn, seriesColumn } from "../columns";
import { KIND_WORDS } from "./words";

const WEIGHT: Record<Severity, number> = { error: 0, warning: 1, info: 2 };

const COLUMNS: Column<Finding>[] = [
  {
    id: "severity",
    title: "Severity",
    sortBy: (one) => WEIGHT[one.severity],
    cell: (one) => <SeverityPill severity={one.severity} />,
  },
  dayColumn(),
  seriesColumn(),
  { id: "kind", title: "Kind", sortBy: (one) => one.kind, cell: (one) => KIND_WORDS[one.kind] },
  {
    id: "count",
    title: "Count",
    align: "right",
    sortBy: (one) => one.count,
    cell: (one) => count(one.count),
  },
  {
    id: "detail",
    title: "Detail",
    cell: (one) => (
      <Text size="sm" miw={220} style={{ overflowWrap: "anywhere" }}>
        <Prose text={one.detail} />
      </Text>
    ),
  },
  { id: "seen", title: "Seen", cell: (one) => <Seen finding={one} /> },
];

export function FindingsTable({ findings }: { findings: readonly Finding[] }) {
  return <DataTable label="Findings" columns={COLUMNS} rows={findings} rowKey={(one) => one.id} />;
}

function Seen({ finding }: { finding: Finding }) {
  const acknowledge = useAction({
    act: (id: number) => take(client.POST("/api/quality/{id}/acknowledge", { params: { path: { id } } })),
    makesStale: [keys.quality],
  });
  if (finding.acknowledged_ms !== null) {
    return (
      <Text size="xs" c="dimmed">
        <Time ms={finding.acknowledged_ms} relative /> by {finding.acknowledged_by}
      </Text>
    );
  }
  return (
    <Button
      size="compact-xs"
      variant="default"
      loading={acknowledge.isPending}
      onClick={() => acknowledge.mutate(finding.id)}
      aria-label={`Acknowledge finding ${finding.id}`}
    >
      Acknowledge
    </Button>
  );
}
