import { Chip, Group, Input } from "@mantine/core";
import { useId } from "react";
import type { Interval } from "@/api/types";
import { INTERVALS } from "@/lib/interval";

type Props = { value: readonly Interval[]; onChange: (intervals: Interval[]) => void };

/** Intervals, any number of them. */
export function IntervalPicker({ value, onChange }: Props) {
  const id = useId();
  const choose = (chosen: string[]) => onChange(INTERVALS.filter((one) => chosen.includes(one)));
  return (
    <Input.Wrapper
      role="group"
      aria-labelledby={id}
      label="Intervals"
      labelElement="div"
      labelProps={{ id }}
      description="1m is what hours and days are made of; the others are fetched and kept besides it."
      descriptionProps={{ mb: 6 }}
    >
      <Chip.Group multiple value={[...value]} onChange={choose}>
        <Group gap={6}>
          {INTERVALS.map((one) => (
            <Chip key={one} value={one} size="xs">
              {one}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
    </Input.Wrapper>
  );
}
