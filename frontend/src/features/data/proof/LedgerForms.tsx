import { Button, Switch } from "@mantine/core";
import { useState } from "react";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import { Panel } from "@/components/Panel";
import shared from "../Data.module.css";
import { named } from "../named";
import { SymbolsInput } from "../SymbolsInput";
import type { OnAsked } from "./ProofPanel";

/** Asks for a count of what the facts hold, against the ledger of coverage. */
export function Recount({ onAsked }: { onAsked: OnAsked }) {
  const [symbols, setSymbols] = useState<string[]>([]);
  const [fix, setFix] = useState(true);
  const recount = useAction({
    act: () => take(client.POST("/api/coverage/recount", { body: { ...named(symbols), fix } })),
    makesStale: [keys.runs],
    onDone: ({ job_id }) => {
      if (job_id !== null) onAsked({ id: job_id, what: "Recount coverage" });
    },
  });
  return (
    <Panel
      title="Recount coverage"
      about="Counts what the facts hold and compares it with the ledger that this page reads."
    >
      <div className={shared.form}>
        <SymbolsInput value={symbols} onChange={setSymbols} />
        <Switch
          label="Correct the ledger"
          checked={fix}
          onChange={(event) => setFix(event.currentTarget.checked)}
          mb={8}
        />
        <Button variant="default" loading={recount.isPending} onClick={() => recount.mutate(undefined)}>
          Recount
        </Button>
      </div>
    </Panel>
  );
}

/** Asks for a comparison of the lake with its catalog. */
export function Reconcile({ onAsked }: { onAsked: OnAsked }) {
  const [checksums, setChecksums] = useState(false);
  const reconcile = useAction({
    act: () => take(client.POST("/api/reconcile", { body: { checksums } })),
    makesStale: [keys.runs],
    onDone: ({ job_id }) => {
      if (job_id !== null) onAsked({ id: job_id, what: "Reconcile" });
    },
  });
  return (
    <Panel
      title="Reconcile"
      about="Compares the lake with its catalog, and adopts what a crash or a person left there."
    >
      <div className={shared.form}>
        <Switch
          label="Read every object and compare its checksum, too: takes long"
          checked={checksums}
          onChange={(event) => setChecksums(event.currentTarget.checked)}
          mb={8}
        />
        <Button variant="default" loading={reconcile.isPending} onClick={() => reconcile.mutate(undefined)}>
          Reconcile
        </Button>
      </div>
    </Panel>
  );
}
