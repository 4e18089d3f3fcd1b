import { Stack, Tabs } from "@mantine/core";
import { PageHeader } from "@/components/PageHeader";
import { oneOf, useUrlState } from "@/lib/urlState";
import { FlowPanel } from "./FlowPanel";
import { IngestionLog } from "./IngestionLog";
import { Quarantine } from "./Quarantine";
import { Restatements } from "./Restatements";
import { Storage } from "./Storage";

const TABS = ["log", "duplicates", "quarantine", "storage"] as const;

/** How data flow, from the exchange to the rollups, and what became of each answer. */
export function Component() {
  const [read, write] = useUrlState();
  const tab = oneOf(TABS, read("tab"), "log");
  return (
    <>
      <PageHeader title="Pipeline" about="From the exchange into the lake, from there into the warehouse." />
      <Stack gap="md">
        <FlowPanel />
        <Tabs value={tab} onChange={(value) => write({ tab: value })} keepMounted={false}>
          <Tabs.List mb="md">
            <Tabs.Tab value="log">Ingestion log</Tabs.Tab>
            <Tabs.Tab value="duplicates">Duplicates and restatements</Tabs.Tab>
            <Tabs.Tab value="quarantine">Quarantine</Tabs.Tab>
            <Tabs.Tab value="storage">Storage</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="log">
            <IngestionLog />
          </Tabs.Panel>
          <Tabs.Panel value="duplicates">
            <Restatements />
          </Tabs.Panel>
          <Tabs.Panel value="quarantine">
            <Quarantine />
          </Tabs.Panel>
          <Tabs.Panel value="storage">
            <Storage />
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </>
  );
}
