import { Anchor, Button, Code, Group, Modal, SegmentedControl, Select, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import type { Interval } from "@/api/types";
import { INTERVALS } from "@/lib/interval";
import { oneOf, useUrlState } from "@/lib/urlState";
import { DaysInput } from "../DaysInput";
import { daysWindow } from "../days";
import { useKnownSymbols } from "../useKnownSymbols";
import { exportAddress, FORMATS, type Format } from "./address";

const FORMAT_WORDS: Record<Format, string> = {
  csv: "CSV: amounts as exact text, for everything that reads tables.",
  parquet: "Parquet: small and typed, amounts as decimals; for pandas, polars, DuckDB.",
  arrow: "An Arrow stream: typed, amounts as decimals; for programs.",
};

/** Makes the address of a file of candles; the browser downloads it as it is written. */
export function ExportDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Export candles"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <ExportForm />
    </Modal>
  );
}

function ExportForm() {
  const [read] = useUrlState();
  const symbols = [...useKnownSymbols()];
  const [chosen, setChosen] = useState(read("symbol"));
  const [interval, setInterval] = useState<Interval>("1m");
  const [format, setFormat] = useState<Format>("csv");
  const [days, setDays] = useState({ first: "", last: "" });
  const symbol = chosen !== null && symbols.includes(chosen) ? chosen : symbols[0];
  const isWhole = days.first === "" && days.last === "";
  const window = daysWindow(days.first, days.last);
  const address = symbol && (isWhole || window) ? exportAddress(symbol, interval, format, window) : null;
  return (
    <Stack gap="sm">
      <Group grow align="flex-end">
        <Select label="Symbol" data={symbols} value={symbol ?? null} onChange={setChosen} searchable />
        <Select
          label="Interval"
          data={[...INTERVALS]}
          value={interval}
          onChange={(value) => setInterval(oneOf(INTERVALS, value, "1m"))}
        />
      </Group>
      <Group grow align="flex-start">
        <DaysInput {...days} onChange={setDays} />
      </Group>
      <Text size="xs" c="dimmed">
        {isWhole ? "Without days, all that is held." : "Whole UTC days, the last one within."} An interval
        that is not stored is made of one that is.
      </Text>
      <SegmentedControl
        aria-label="Format"
        value={format}
        onChange={(value) => setFormat(oneOf(FORMATS, value, "csv"))}
        data={FORMATS.map((value) => ({ value, label: value === "csv" ? "CSV" : capital(value) }))}
      />
      <Text size="xs" c="dimmed">
        {FORMAT_WORDS[format]}
      </Text>
      {address ? (
        <>
          <Button component="a" href={address} download leftSection={<IconDownload size={16} />}>
            Download
          </Button>
          <Text size="xs" c="dimmed">
            Or take the address to a program:{" "}
            <Anchor href={address} download size="xs">
              <Code style={{ overflowWrap: "anywhere" }}>{address}</Code>
            </Anchor>
          </Text>
        </>
      ) : (
        <Button disabled>Download</Button>
      )}
    </Stack>
  );
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
