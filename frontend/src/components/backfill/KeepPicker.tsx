import { Group, NumberInput, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import { oneOf } from "@/lib/urlState";
import type { Keep } from "./keeping";

type Props = { value: Keep; onChange: (keep: Keep) => void };

const HOW = ["ever", "settings", "days"] as const;

/** For how long candles under an hour stay. */
export function KeepPicker({ value, onChange }: Props) {
  const settings = useQuery(queries.settings());
  const said = settings.data?.settings.find((one) => one.name === "keep_days")?.value;
  return (
    <Stack gap={6}>
      <Group gap="sm" align="flex-end">
        <Select
          label="Keep"
          data={[
            { value: "ever", label: "For ever" },
            { value: "settings", label: said == null ? "As the settings say" : settingsLabel(said) },
            { value: "days", label: "For some days" },
          ]}
          value={value.how}
          onChange={(how) => onChange({ ...value, how: oneOf(HOW, how, "ever") })}
          w={250}
        />
        {value.how === "days" && (
          <NumberInput
            label="Days"
            value={value.days}
            onChange={(days) => onChange({ ...value, days: Math.max(1, Math.trunc(Number(days)) || 1) })}
            min={1}
            max={36_500}
            w={110}
          />
        )}
      </Group>
      <Text size="xs" c="dimmed">
        It holds for all candles under an hour of these series from now on, also for those that are held
        already. Longer candles, and the hours and days made of minutes, always stay.
      </Text>
    </Stack>
  );
}

function settingsLabel(days: string): string {
  return days === "0" ? "As the settings say: for ever" : `As the settings say: ${days} days`;
}
