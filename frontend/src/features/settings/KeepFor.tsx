import { Button, Group, NumberInput, Popover, Radio, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { plural } from "@/lib/format";
import { roughMs } from "@/lib/interval";
import type { SeriesConfig } from "./Symbols";
import { useChangeSeries } from "./symbolActions";

type Way = "settings" | "ever" | "days";

/** For how long a series' candles stay. Those of an hour and longer always do. */
export function KeepFor({ series }: { series: SeriesConfig }) {
  const [isOpen, { close, toggle }] = useDisclosure();
  if (roughMs(series.interval) >= 3_600_000) {
    return (
      <Text size="sm" c="dimmed">
        for ever
      </Text>
    );
  }
  return (
    <Popover opened={isOpen} onChange={close} position="bottom-end" shadow="md" trapFocus withinPortal>
      <Popover.Target>
        <Button
          size="compact-sm"
          variant="default"
          onClick={toggle}
          aria-label={`${series.symbol} ${series.interval} is kept ${keepWords(series.keep_days)}; change that`}
        >
          {keepWords(series.keep_days)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Choose series={series} onDone={close} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Choose({ series, onDone }: { series: SeriesConfig; onDone: () => void }) {
  const [way, setWay] = useState<Way>(
    series.keep_days === null ? "settings" : series.keep_days === 0 ? "ever" : "days",
  );
  const [days, setDays] = useState<number | string>(series.keep_days || 365);
  const change = useChangeSeries();
  const save = () => {
    const keep_days = way === "settings" ? null : way === "ever" ? 0 : Number(days);
    change.mutate({ symbol: series.symbol, interval: series.interval, keep_days });
    onDone();
  };
  return (
    <Stack gap="sm" maw={280}>
      <Radio.Group
        label={`Keep ${series.symbol} ${series.interval}`}
        value={way}
        onChange={(value) => setWay(value as Way)}
      >
        <Stack gap={6} mt={6}>
          <Radio value="settings" label="As long as the settings say" />
          <Radio value="ever" label="For ever" />
          <Radio value="days" label="For so many days" />
        </Stack>
      </Radio.Group>
      {way === "days" && <NumberInput label="Days" min={1} max={36_500} value={days} onChange={setDays} />}
      <Text size="xs" c="dimmed">
        Older minutes go once their hours and days are sealed; those stay for ever.
      </Text>
      <Group justify="flex-end">
        <Button size="xs" onClick={save} disabled={way === "days" && !(Number(days) >= 1)}>
          Save
        </Button>
      </Group>
    </Stack>
  );
}

export function keepWords(days: number | null): string {
  if (days === null) return "as the settings say";
  return days === 0 ? "for ever" : plural(days, "day");
}
