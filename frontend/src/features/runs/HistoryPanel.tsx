import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { useUrlState } from "@/lib/urlState";
import { ExportButton } from "./ExportButton";
import { FilterBar } from "./FilterBar";
import { isFiltered, readFilters, toQuery } from "./filters";
import { RunTable } from "./RunTable";

const PAGE = 50;

/** What ran, the newest first, filtered by the address; older pages by a cursor. */
export function HistoryPanel() {
  const [read, write] = useUrlState();
  const navigate = useNavigate();
  const filters = readFilters(read);
  const query = useQuery({ ...queries.runs(toQuery(filters, PAGE)), refetchInterval: useRefresh() });
  return (
    <Panel
      title="History"
      about={
        filters.all
          ? "All runs, those of batches and every cycle, too."
          : "A batch stands for its runs; cycles that went well are left out."
      }
      actions={<ExportButton filters={filters} />}
      flush
    >
      <FilterBar filters={filters} onChange={(change) => write({ ...change, before: null })} />
      <Loaded
        query={query}
        isEmpty={({ runs }) => runs.length === 0}
        empty={
          <EmptyState title={isFiltered(filters) ? "No run is like that" : "Nothing ran yet"}>
            {isFiltered(filters)
              ? "Take a filter out, or show all runs."
              : "Backfill history, or wait for the first scheduled job."}
          </EmptyState>
        }
      >
        {({ runs, next_cursor }) => (
          <>
            <RunTable label="Runs" runs={runs} onRun={(run) => void navigate(`/runs/${run.id}`)} />
            <Group justify="flex-end" p="sm" gap="xs">
              {filters.cursor && (
                <Button size="xs" variant="default" onClick={() => write({ before: null })}>
                  Newest
                </Button>
              )}
              {next_cursor && (
                <Button size="xs" variant="default" onClick={() => write({ before: next_cursor })}>
                  Older
                </Button>
              )}
            </Group>
          </>
        )}
      </Loaded>
    </Panel>
  );
}
