import { Chip, Group, Input, Stack, Text } from "@mantine/core";
import { DatePickerInput } from "@mantine/dates";
import "@mantine/dates/styles.css";
import { useId } from "react";
import { oneOf } from "@/lib/urlState";
import { boundsOf, HISTORIES, type Range } from "./range";

type Props = {
  value: Range;
  onChange: (range: Range) => void;
  nowMs: number;
  label?: string;
  /** Whether days of one's own can be chosen, too. */
  withDays?: boolean;
};

const DAYS = { value: "custom", label: "From … to …" };
const KNOWN = [...HISTORIES.map((one) => one.value), "custom"] as const;

/** How far back, or from which day to which; days are UTC's. */
export function RangePicker({ value, onChange, nowMs, label = "Range", withDays = true }: Props) {
  const id = useId();
  const choices = withDays ? [...HISTORIES, DAYS] : HISTORIES;
  const isWrong = value.preset === "custom" && value.from !== null && boundsOf(value, nowMs) === null;
  const today = new Date(nowMs).toISOString().slice(0, 10);
  return (
    <Stack gap={6}>
      <div role="radiogroup" aria-labelledby={id}>
        <Input.Label id={id} labelElement="div" mb={4}>
          {label}
        </Input.Label>
        <Chip.Group
          value={value.preset}
          onChange={(preset) => onChange({ ...value, preset: oneOf(KNOWN, preset, "30d") })}
        >
          <Group gap={6}>
            {choices.map((one) => (
              <Chip key={one.value} value={one.value} size="xs">
                {one.label}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </div>
      {value.preset === "custom" && (
        <Group gap="sm" align="flex-start">
          <DatePickerInput
            label="From (UTC)"
            value={value.from}
            onChange={(from) => onChange({ ...value, from })}
            maxDate={today}
            valueFormat="YYYY-MM-DD"
            placeholder="First day"
            w={150}
          />
          <DatePickerInput
            label="To, that day included (UTC)"
            value={value.to}
            onChange={(to) => onChange({ ...value, to })}
            minDate={value.from ?? undefined}
            maxDate={today}
            valueFormat="YYYY-MM-DD"
            placeholder="Now"
            clearable
            w={190}
          />
        </Group>
      )}
      {isWrong && (
        <Text size="xs" c="var(--ch-error)" role="alert">
          The last day does not come after the first one.
        </Text>
      )}
      {value.preset === "all" && (
        <Text size="xs" c="dimmed">
          From the day each symbol was listed at the exchange: the plan finds it by itself.
        </Text>
      )}
    </Stack>
  );
}
