import { SimpleGrid, Stack } from "@mantine/core";
import { useState } from "react";
import { Panel } from "@/components/Panel";
import { type Asked, AskedRuns } from "../AskedRuns";
import { Reconcile, Recount } from "./LedgerForms";
import { Replay } from "./Replay";
import { VerifiedPanel } from "./VerifiedPanel";
import { Verify } from "./Verify";

export type OnAsked = (asked: Asked) => void;

/** Proof: whether the warehouse is what the lake says, and making it so where it is not. */
export function ProofPanel() {
  const [asked, setAsked] = useState<Asked[]>([]);
  const note: OnAsked = (one) => setAsked((before) => [one, ...before].slice(0, 8));
  return (
    <Stack gap="md">
      {asked.length > 0 && (
        <Panel title="Asked for here" flush>
          <AskedRuns asked={asked} />
        </Panel>
      )}
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
        <Verify onAsked={note} />
        <Replay onAsked={note} />
        <Recount onAsked={note} />
        <Reconcile onAsked={note} />
      </SimpleGrid>
      <VerifiedPanel />
    </Stack>
  );
}
