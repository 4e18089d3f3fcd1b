import { Button, NumberInput, SegmentedControl, Text } from "@mantine/core";
import { useState } from "react";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import { Panel } from "@/components/Panel";
import shared from "../Data.module.css";
import { DaysInput } from "../DaysInput";
import { daysWindow } from "../days";
import { named } from "../named";
import { SymbolsInput } from "../SymbolsInput";
import type { OnAsked } from "./ProofPanel";

const SCOPES = [
  { value: "sample", label: "A sample" },
  { value: "window", label: "Some days" },
  { value: "all", label: "All" },
];

/** Asks for a comparison of the warehouse with the lake. */
export function Verify({ onAsked }: { onAsked: OnAsked }) {
  const [scope, setScope] = useState("sample");
  const [symbols, setSymbols] = useState<string[]>([]);
  const [sample, setSample] = useState(20);
  const [days, setDays] = useState({ first: "", last: "" });
  const window = daysWindow(days.first, days.last);
  const verify = useAction({
    act: () => {
      const chosen =
        scope === "all" ? { all: true } : scope === "sample" ? { sample } : { ...(window ?? undefined) };
      return take(client.POST("/api/verify", { body: { ...named(symbols), ...chosen } }));
    },
    makesStale: [keys.runs],
    onDone: ({ job_id }) => {
      if (job_id !== null) onAsked({ id: job_id, what: "Verify" });
    },
  });
  return (
    <Panel
      title="Verify"
      about="Makes days again from the lake and compares them with the warehouse. Changes neither."
    >
      <form
        className={shared.form}
        onSubmit={(event) => {
          event.preventDefault();
          verify.mutate(undefined);
        }}
      >
        <SegmentedControl aria-label="What is compared" value={scope} onChange={setScope} data={SCOPES} />
        <SymbolsInput value={symbols} onChange={setSymbols} />
        {scope === "sample" && (
          <NumberInput
            label="Days by chance"
            value={sample}
            onChange={(value) => setSample(Number(value) || 1)}
            min={1}
            max={100_000}
            w={130}
          />
        )}
        {scope === "window" && <DaysInput {...days} onChange={setDays} required />}
        <Button type="submit" loading={verify.isPending} disabled={scope === "window" && window === null}>
          Verify
        </Button>
        {scope === "all" && (
          <Text size="xs" c="dimmed" w="100%">
            Every day of every series is read from the lake again: years of minutes take hours.
          </Text>
        )}
      </form>
    </Panel>
  );
}
