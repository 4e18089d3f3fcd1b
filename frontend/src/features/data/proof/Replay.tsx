import { Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, take } from "@/api/client";
import { useRefresh } from "@/api/live";
import { useAction } from "@/api/operator";
import { keys, queries } from "@/api/queries";
import { ConfirmButton } from "@/components/ConfirmButton";
import { Panel } from "@/components/Panel";
import shared from "../Data.module.css";
import { DaysInput } from "../DaysInput";
import { daysWindow } from "../days";
import { named } from "../named";
import { SymbolsInput } from "../SymbolsInput";
import type { OnAsked } from "./ProofPanel";
import { replayText } from "./replayText";

/** Makes candles of a window again from the lake: first only said, then, if that is wanted, done. */
export function Replay({ onAsked }: { onAsked: OnAsked }) {
  const [symbols, setSymbols] = useState<string[]>([]);
  const [days, setDays] = useState({ first: "", last: "" });
  const [tried, setTried] = useState<{ id: number; what: string } | null>(null);
  const window = daysWindow(days.first, days.last);
  const what = JSON.stringify({ window, symbols });
  const replay = useAction({
    act: (isDry: boolean) => {
      const { start, end } = window ?? { start: 0, end: 0 };
      return take(client.POST("/api/replay", { body: { start, end, ...named(symbols), dry_run: isDry } }));
    },
    makesStale: [keys.runs],
    onDone: ({ job_id }, isDry) => {
      if (job_id === null) return;
      onAsked({ id: job_id, what: isDry ? "Replay, dry run" : "Replay" });
      setTried(isDry ? { id: job_id, what } : null);
    },
  });
  const isTried = tried?.what === what;
  return (
    <Panel
      title="Replay"
      about="Makes candles and rollups of some days again from the lake, in place: after a parser was mended, say."
    >
      <form
        className={shared.form}
        onSubmit={(event) => {
          event.preventDefault();
          replay.mutate(true);
        }}
      >
        <SymbolsInput value={symbols} onChange={setSymbols} />
        <DaysInput {...days} onChange={setDays} required />
        <Button type="submit" variant="default" loading={replay.isPending} disabled={window === null}>
          Say what would change
        </Button>
      </form>
      {tried && isTried && <Tried id={tried.id} onReplay={() => replay.mutate(false)} />}
    </Panel>
  );
}

/** What a dry run found, and the button that does it. */
function Tried({ id, onReplay }: { id: number; onReplay: () => void }) {
  const { data } = useQuery({ ...queries.run(id), refetchInterval: useRefresh() });
  const hasEnded = data?.state === "succeeded" || data?.state === "partly_failed";
  return (
    <Group mt="md" justify="space-between">
      <Text size="sm" role="status">
        {hasEnded ? replayText(data.result) : `Run ${id} looks what would change.`}
      </Text>
      {hasEnded && (
        <ConfirmButton
          size="xs"
          label="Replay for real"
          question="Make these candles again?"
          confirm="Replay"
          onConfirm={onReplay}
        >
          What differs from the lake is replaced in the warehouse. The lake stays as it is, so that a replay
          can be repeated.
        </ConfirmButton>
      )}
    </Group>
  );
}
