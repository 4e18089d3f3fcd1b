import { Code, Text } from "@mantine/core";
import { Link } from "react-router";
import type { LakeObject } from "@/api/types";
import { type Column, DataTable } from "@/components/DataTable";
import { Pill, type Tone } from "@/components/Pill";
import { Time } from "@/components/Time";
import { bytes, count } from "@/lib/format";
import { duration } from "@/lib/time";

const TONES: Record<LakeObject["state"], Tone> = {
  landed: "busy",
  loaded: "good",
  quarantined: "bad",
  deleted: "quiet",
};

const COLUMNS: readonly Column<LakeObject>[] = [
  { id: "captured", title: "Captured", cell: (one) => <Time ms={one.captured_ms} to="second" /> },
  {
    id: "what",
    title: "What",
    cell: (one) => (
      <div>
        <Link to={`/analytics?symbol=${one.symbol}`}>{one.symbol}</Link> {one.interval ?? one.data_type}
      </div>
    ),
  },
  {
    id: "state",
    title: "State",
    cell: (one) => (
      <Pill tone={TONES[one.state]} title={one.error}>
        {one.state}
      </Pill>
    ),
  },
  { id: "candles", title: "Candles", align: "right", cell: (one) => count(one.candles) },
  { id: "size", title: "Size", align: "right", cell: (one) => bytes(one.size_bytes), from: "sm" },
  {
    id: "loaded",
    title: "Loaded after",
    align: "right",
    from: "md",
    cell: (one) => (one.loaded_ms === null ? "–" : duration(one.loaded_ms - one.captured_ms)),
  },
  { id: "lane", title: "Lane", cell: (one) => one.lane, from: "md" },
  {
    id: "run",
    title: "Run",
    from: "lg",
    cell: (one) =>
      one.run_id === null ? (
        <Text size="xs" c="dimmed">
          a cycle
        </Text>
      ) : (
        <Link to={`/runs/${one.run_id}`}>{one.run_id}</Link>
      ),
  },
  {
    id: "key",
    title: "Key",
    from: "lg",
    cell: (one) => <Code title={`bucket ${one.bucket}`}>{one.key}</Code>,
  },
];

export function ObjectTable({ objects }: { objects: readonly LakeObject[] }) {
  return <DataTable label="Objects" columns={COLUMNS} rows={objects} rowKey={(one) => one.id} />;
}
