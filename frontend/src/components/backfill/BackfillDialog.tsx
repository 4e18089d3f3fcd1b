import { Alert, Button, Checkbox, Group, Modal, Stack } from "@mantine/core";
import { useState } from "react";
import { useNavigate } from "react-router";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { Interval, Plan } from "@/api/types";
import { plural } from "@/lib/format";
import { IntervalPicker } from "./IntervalPicker";
import { KeepPicker } from "./KeepPicker";
import { type Keep, keepDays, keptOtherwise, keptWords } from "./keeping";
import { PlanView } from "./PlanView";
import { needsYes, nothingToDo } from "./planText";
import { RangePicker } from "./RangePicker";
import { type Range, wantedHistory } from "./range";
import { SymbolPicker } from "./SymbolPicker";
import { usePlan } from "./usePlan";

type Props = {
  opened: boolean;
  onClose: () => void;
  /** Chosen when it opens. */
  symbols?: readonly string[];
  intervals?: readonly Interval[];
};

/** Choose older or wider history, see what it takes, start it; leads to the batch's page. */
export function BackfillDialog({ opened, onClose, ...chosen }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Backfill history" size="xl">
      <Form {...chosen} onClose={onClose} />
    </Modal>
  );
}

function Form({ symbols: first = [], intervals: firstIntervals = ["1m"], onClose }: Omit<Props, "opened">) {
  const navigate = useNavigate();
  const [nowMs] = useState(() => Math.floor(Date.now() / 60_000) * 60_000);
  const [symbols, setSymbols] = useState([...first]);
  const [intervals, setIntervals] = useState<Interval[]>([...firstIntervals]);
  const [range, setRange] = useState<Range>({ preset: "30d", from: null, to: null });
  const [keep, setKeep] = useState<Keep>({ how: "ever", days: 365 });
  const [isMeant, setMeant] = useState(false);
  const wanted = wantedHistory(symbols, intervals, range, nowMs);
  const plan = usePlan(wanted);
  const told = plan.isSettled && !plan.query.error ? plan.query.data : undefined;
  const start = useAction({
    act: (history: NonNullable<typeof wanted>) =>
      take(
        client.POST("/api/data-ingestion/start", {
          body: { ...history, keep_days: keepDays(keep), yes: isMeant },
        }),
      ),
    makesStale: [keys.runs, keys.plan, keys.coverage],
    told: ({ job_id }) => (job_id === null ? "All of that is held already: nothing to fetch." : null),
    onDone: ({ job_id }) => {
      onClose();
      if (job_id !== null) void navigate(`/runs/${job_id}`);
    },
  });
  const isReady = told !== undefined && !nothingToDo(told) && (isMeant || !needsYes(told));
  return (
    <Stack gap="md">
      <SymbolPicker value={symbols} onChange={setSymbols} />
      <IntervalPicker value={intervals} onChange={setIntervals} />
      <RangePicker value={range} onChange={setRange} nowMs={nowMs} />
      <KeepPicker value={keep} onChange={setKeep} />
      <PlanView
        plan={plan}
        missing={wanted ? null : "Choose symbols, intervals and a range to see the plan."}
      />
      {told && <Warnings plan={told} keep={keep} isMeant={isMeant} onMeant={setMeant} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
        <Button
          disabled={!isReady || wanted === null}
          loading={start.isPending}
          onClick={() => wanted && start.mutate(wanted)}
        >
          {told && isReady ? `Fetch ${plural(told.candles, "candle")}` : "Start"}
        </Button>
      </Group>
    </Stack>
  );
}

type WarningsProps = { plan: Plan; keep: Keep; isMeant: boolean; onMeant: (isMeant: boolean) => void };

function Warnings({ plan, keep, isMeant, onMeant }: WarningsProps) {
  const changed = keptOtherwise(plan, keep);
  return (
    <>
      {changed.length > 0 && !nothingToDo(plan) && (
        <Alert color="yellow" variant="light" p="xs">
          {plural(changed.length, "series", "series")} that {changed.length === 1 ? "is" : "are"} held already
          will be kept {keptWords(keepDays(keep))} instead of{" "}
          {[...new Set(changed.map((one) => keptWords(one.kept_days)))].join(", ")}.
        </Alert>
      )}
      {needsYes(plan) && (
        <Checkbox
          checked={isMeant}
          onChange={(event) => onMeant(event.currentTarget.checked)}
          label={`Yes, I mean ${plural(plan.candles, "candle")}`}
          description="That is more than 20 million at once: it takes long and much room."
        />
      )}
    </>
  );
}
