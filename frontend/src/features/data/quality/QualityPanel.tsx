import { Button, Group, MultiSelect, Select, Switch, TextInput } from "@mantine/core";
import { IconCircleCheck, IconSearch } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, take } from "@/api/client";
import { useRefresh } from "@/api/live";
import { useAction } from "@/api/operator";
import { keys, queries } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { useUrlState } from "@/lib/urlState";
import { type Asked, AskedRuns } from "../AskedRuns";
import shared from "../Data.module.css";
import { named } from "../named";
import { PagedPanel } from "../PagedPanel";
import { useKnownSymbols } from "../useKnownSymbols";
import { FindingsTable } from "./FindingsTable";
import { KIND_WORDS, KINDS, parseKinds, SEVERITIES } from "./words";

/** What is odd about the data, by series and day, until somebody has seen it. */
export function QualityPanel() {
  const [read, write] = useUrlState();
  const symbol = read("symbol") ?? "";
  const known = useKnownSymbols();
  const kinds = parseKinds(read("kind"));
  const severity = SEVERITIES.find((one) => one === read("severity"));
  const isAll = read("seen") === "1";
  const query = useInfiniteQuery({
    ...queries.findingPages({
      symbol: known.has(symbol) ? [symbol] : [],
      kind: kinds,
      severity: severity ? [severity] : [],
      acknowledged: isAll,
      limit: 50,
    }),
    refetchInterval: useRefresh(),
  });
  const isNarrowed = symbol !== "" || kinds.length > 0 || severity !== undefined;
  return (
    <PagedPanel
      title="Findings"
      about="What is odd about the candles of a day. A finding goes once it is acknowledged, and comes back when there is more of it."
      actions={<CheckNow symbol={known.has(symbol) ? symbol : null} />}
      toolbar={
        <Group className={shared.toolbar} gap="sm" align="flex-end">
          <TextInput
            label="Symbol"
            value={symbol}
            onChange={(event) => write({ symbol: event.currentTarget.value.toUpperCase() })}
            placeholder="All"
            leftSection={<IconSearch size={16} />}
            w={{ base: "100%", xs: 170 }}
          />
          <MultiSelect
            label="Kind"
            data={KINDS.map((value) => ({ value, label: KIND_WORDS[value] }))}
            value={kinds}
            onChange={(chosen) => write({ kind: chosen.join() })}
            placeholder={kinds.length === 0 ? "All" : undefined}
            w={{ base: "100%", xs: 280 }}
            clearable
          />
          <Select
            label="Severity"
            data={[{ value: "", label: "All" }, ...SEVERITIES.map((value) => ({ value, label: value }))]}
            value={severity ?? ""}
            onChange={(value) => write({ severity: value })}
            w={{ base: "100%", xs: 130 }}
          />
          <Switch
            label="Acknowledged ones, too"
            checked={isAll}
            onChange={(event) => write({ seen: event.currentTarget.checked ? "1" : null })}
            mb={8}
          />
        </Group>
      }
      query={query}
      rowsOf={(page) => page.findings}
      empty={
        <EmptyState icon={IconCircleCheck} title={isNarrowed ? "No finding is like that" : "Nothing is odd"}>
          {isNarrowed
            ? "Widen what is asked for above."
            : "In the days that were looked at, nothing is odd that nobody has acknowledged."}
        </EmptyState>
      }
      lines={8}
    >
      {(findings) => <FindingsTable findings={findings} />}
    </PagedPanel>
  );
}

const DAYS = ["2", "7", "30", "365"].map((value) => ({ value, label: `The last ${value} days` }));

/** Looks for what is odd now, of one symbol or of all. */
function CheckNow({ symbol }: { symbol: string | null }) {
  const [days, setDays] = useState("2");
  const [asked, setAsked] = useState<Asked[]>([]);
  const check = useAction({
    act: () => {
      const body = { days: Number(days), ...named(symbol ? [symbol] : []) };
      return take(client.POST("/api/quality/check", { body }));
    },
    makesStale: [keys.runs],
    onDone: ({ job_id }) => {
      if (job_id !== null) setAsked([{ id: job_id, what: "Check quality" }]);
    },
  });
  return (
    <>
      <AskedRuns asked={asked} />
      <Select
        aria-label="Which days to look at"
        size="xs"
        data={DAYS}
        value={days}
        onChange={(value) => setDays(value ?? "2")}
        w={140}
      />
      <Button size="xs" loading={check.isPending} onClick={() => check.mutate(undefined)}>
        {symbol ? `Check ${symbol} now` : "Check now"}
      </Button>
    </>
  );
}
