import { Button, Stack, Tabs } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconDownload } from "@tabler/icons-react";
import { PageHeader } from "@/components/PageHeader";
import { oneOf, useUrlState } from "@/lib/urlState";
import classes from "./Data.module.css";
import { ExportDialog } from "./export/ExportDialog";
import { GapsPanel } from "./gaps/GapsPanel";
import { CoveragePanel } from "./heatmap/CoveragePanel";
import { ProofPanel } from "./proof/ProofPanel";
import { QualityPanel } from "./quality/QualityPanel";
import { RestatementsPanel } from "./quality/RestatementsPanel";
import { SeriesPanel } from "./series/SeriesPanel";

const TABS = ["series", "coverage", "gaps", "quality", "proof"] as const;
type Tab = (typeof TABS)[number];

const TAB_WORDS: Record<Tab, string> = {
  series: "Series",
  coverage: "Coverage",
  gaps: "Gaps",
  quality: "Quality",
  proof: "Proof",
};

/** The data page: what is held of each series, what is missing and why, and whether it is right. */
export function Component() {
  const [read, write] = useUrlState();
  const [isExporting, { open, close }] = useDisclosure();
  const tab = oneOf(TABS, read("tab"), "series");
  return (
    <>
      <PageHeader
        title="Data"
        about="What is held of each series, how fresh and complete that is, and what is known of the rest."
        actions={
          <Button variant="default" size="xs" leftSection={<IconDownload size={15} />} onClick={open}>
            Export
          </Button>
        }
      />
      <ExportDialog opened={isExporting} onClose={close} />
      <Tabs
        value={tab}
        onChange={(value) => write({ tab: value === "series" ? null : value })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {TABS.map((one) => (
            <Tabs.Tab key={one} value={one} className={classes.tab}>
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
        <Tabs.Panel value="quality">
          <Stack gap="md">
            <QualityPanel />
            <RestatementsPanel />
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="proof">
          <ProofPanel />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
