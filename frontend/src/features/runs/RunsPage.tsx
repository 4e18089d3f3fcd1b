import { Button, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { BackfillDialog } from "@/components/backfill/BackfillDialog";
import { PageHeader } from "@/components/PageHeader";
import { NobodyLeads } from "@/components/runs/NobodyLeads";
import { HistoryPanel } from "./HistoryPanel";
import { RequestsPanel } from "./RequestsPanel";
import { UnderWay } from "./UnderWay";

export function Component() {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <PageHeader
        title="Runs"
        about="All work: what is done now, what waits, and what was done."
        actions={<Button onClick={open}>Backfill history</Button>}
      />
      <Stack gap="md">
        <NobodyLeads />
        <UnderWay />
        <RequestsPanel />
        <HistoryPanel />
      </Stack>
      <BackfillDialog opened={isOpen} onClose={close} />
    </>
  );
}
