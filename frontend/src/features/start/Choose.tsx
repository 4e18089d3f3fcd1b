import { Button, Chip, Group, Input, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys, queries } from "@/api/queries";
import type { History, Interval } from "@/api/types";
import { IntervalPicker } from "@/components/backfill/IntervalPicker";
import { PlanView } from "@/components/backfill/PlanView";
import { needsYes, nothingToDo } from "@/components/backfill/planText";
import { RangePicker } from "@/components/backfill/RangePicker";
import { HISTORIES, wantedHistory } from "@/components/backfill/range";
import { SymbolPicker } from "@/components/backfill/SymbolPicker";
import { usePlan } from "@/components/backfill/usePlan";
import { Panel } from "@/components/Panel";
import { NobodyLeads } from "@/components/runs/NobodyLeads";
import { plural } from "@/lib/format";
import { oneOf } from "@/lib/urlState";
import { ExchangeAway } from "./ExchangeAway";
import { offered, POPULAR } from "./popular";

const KNOWN = HISTORIES.map((one) => one.value);

/** The choice, from symbols to the plan, and the button that starts it. */
export function Choose({ onStarted }: { onStarted: (batch: number | null) => void }) {
  const [nowMs] = useState(() => Math.floor(Date.now() / 60_000) * 60_000);
  const [symbols, setSymbols] = useState<string[]>(POPULAR.slice(0, 2));
  const [intervals, setIntervals] = useState<Interval[]>(["1m"]);
  const [history, setHistory] = useState<History>("30d");
  const range = { preset: history, from: null, to: null };
  const wanted = wantedHistory(symbols, intervals, range, nowMs);
  const plan = usePlan(wanted);
  const told = plan.isSettled && !plan.query.error ? plan.query.data : undefined;
  const start = useAction({
    act: () =>
      take(client.POST("/api/admin/bootstrap", { body: { symbols, intervals, history, keep_days: 0 } })),
    makesStale: [keys.runs, keys.symbols, keys.config, keys.dashboard, keys.symbolsStatus, keys.plan],
    told: ({ job_id }) =>
      job_id === null ? "Tracked from now on; all of that history is held already." : null,
    onDone: ({ job_id }) => onStarted(job_id),
  });
  return (
    <Stack gap="md">
      <NobodyLeads />
      <ExchangeAway />
      <Panel title="1 · Which symbols?">
        <Stack gap="md">
          <PopularChips chosen={symbols} onChoose={setSymbols} />
          <SymbolPicker label="Or search" value={symbols} onChange={setSymbols} />
        </Stack>
      </Panel>
      <Panel title="2 · Which intervals?">
        <IntervalPicker value={intervals} onChange={setIntervals} />
      </Panel>
      <Panel title="3 · How much history?">
        <RangePicker
          label="As far back as"
          value={range}
          onChange={({ preset }) => setHistory(oneOf(KNOWN, preset, "30d"))}
          nowMs={nowMs}
          withDays={false}
        />
        <Text size="xs" c="dimmed" mt={6}>
          What is fetched is kept for ever; that can be changed per symbol in the settings. New candles are
          fetched every minute from now on.
        </Text>
      </Panel>
      <Panel title="4 · What that takes">
        <PlanView plan={plan} missing={wanted ? null : "Choose at least one symbol and one interval."} />
      </Panel>
      <Group>
        <Button
          size="md"
          disabled={told === undefined}
          loading={start.isPending}
          onClick={() => start.mutate(undefined)}
        >
          {told && nothingToDo(told) === null ? `Start: fetch ${plural(told.candles, "candle")}` : "Start"}
        </Button>
        {told && needsYes(told) && (
          <Text size="sm" c="var(--ch-warning)">
            That is a lot: it takes the time and the room that the plan says.
          </Text>
        )}
      </Group>
    </Stack>
  );
}

function PopularChips({ chosen, onChoose }: { chosen: string[]; onChoose: (symbols: string[]) => void }) {
  const id = useId();
  const list = useQuery(queries.exchangeSymbols("", 5_000));
  const known = list.data?.is_complete ? list.data.symbols.map((one) => one.symbol) : null;
  return (
    <Input.Wrapper
      label="Well known"
      labelElement="div"
      role="group"
      aria-labelledby={id}
      labelProps={{ id, mb: 4 }}
    >
      <Chip.Group multiple value={chosen} onChange={onChoose}>
        <Group gap={6}>
          {offered(known, chosen).map((symbol) => (
            <Chip key={symbol} value={symbol} size="sm">
              {symbol}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
    </Input.Wrapper>
  );
}
