import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { client, take } from "@/api/client";
import { messageOf } from "@/api/problem";
import { count } from "@/lib/format";
import { saveCsv } from "@/lib/save";
import { collect, exportRow } from "./exportRuns";
import { type Filters, toQuery } from "./filters";

const PAGE = 1_000;

/** Saves what the filters find as CSV: all pages of it. */
export function ExportButton({ filters }: { filters: Filters }) {
  const saving = useMutation({
    mutationFn: () =>
      collect((cursor) => {
        const query = toQuery({ ...filters, cursor }, PAGE);
        return take(client.GET("/api/data-ingestion/runs", { params: { query } }));
      }),
    onSuccess: ({ runs, isCut }) => {
      saveCsv("candlehouse-runs.csv", runs.map(exportRow));
      const rest = isCut ? " There are more: ./candlehouse runs export has no limit." : "";
      notifications.show({ message: `${count(runs.length)} runs saved.${rest}` });
    },
    onError: (error) =>
      notifications.show({ title: "Not saved", message: messageOf(error), color: "red", autoClose: 12_000 }),
  });
  return (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconDownload size={14} />}
      loading={saving.isPending}
      onClick={() => saving.mutate()}
    >
      Export CSV
    </Button>
  );
}
