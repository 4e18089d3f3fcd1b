import { Tabs } from "@mantine/core";
import { PageHeader } from "@/components/PageHeader";
import { oneOf, useUrlState } from "@/lib/urlState";
import { Access } from "./Access";
import { Notifying } from "./Notifying";
import { Symbols } from "./Symbols";
import { System } from "./System";
import { Values } from "./Values";

const TABS = ["symbols", "collecting", "notifications", "access", "system"] as const;

/** What Candlehouse keeps and for how long, whom it tells, who may use it, what it runs on. */
export function Component() {
  const [read, write] = useUrlState();
  const tab = oneOf(TABS, read("tab"), "symbols");
  return (
    <>
      <PageHeader
        title="Settings"
        about="Changes take effect at once. What the environment sets wins, and is shown as locked."
      />
      <Tabs value={tab} onChange={(value) => write({ tab: value })} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="symbols">Symbols</Tabs.Tab>
          <Tabs.Tab value="collecting">Collecting and keeping</Tabs.Tab>
          <Tabs.Tab value="notifications">Notifications</Tabs.Tab>
          <Tabs.Tab value="access">Access</Tabs.Tab>
          <Tabs.Tab value="system">System</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="symbols">
          <Symbols />
        </Tabs.Panel>
        <Tabs.Panel value="collecting">
          <Values />
        </Tabs.Panel>
        <Tabs.Panel value="notifications">
          <Notifying />
        </Tabs.Panel>
        <Tabs.Panel value="access">
          <Access />
        </Tabs.Panel>
        <Tabs.Panel value="system">
          <System />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
