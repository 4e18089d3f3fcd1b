import { Tabs } from "@mantine/core";
import { PageHeader } from "@/components/PageHeader";
import { oneOf, useUrlState } from "@/lib/urlState";
import { GapsPanel } from "./gaps/GapsPanel";
import { CoveragePanel } from "./heatmap/CoveragePanel";
import { SeriesPanel } from "./series/SeriesPanel";

const TABS = ["series", "coverage", "gaps"] as const;
type Tab = (typeof TABS)[number];

const TAB_WORDS: Record<Tab, string> = {
  series: "Series",
  coverage: "Coverage",
  gaps: "Gaps",
};

/** The data page: what is held of each series, what is missing and why, and whether it is right. */
export function Component() {
  const [read, write] = useUrlState();
  const tab = oneOf(TABS, read("tab"), "series");
  return (
    <>
      <PageHeader
        title="Data"
        about="What is held of each series, how fresh and complete that is, and what is known of the rest."
      />
      <Tabs
        value={tab}
        onChange={(value) => write({ tab: value === "series" ? null : value })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {TAB_WORDS[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="series">
          <SeriesPanel />
        </Tabs.Panel>
        <Tabs.Panel value="coverage">
          <CoveragePanel />
        </Tabs.Panel>
        <Tabs.Panel value="gaps">
          <GapsPanel />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
