import { Group, MultiSelect, Select, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import { RUN_WORDS } from "@/components/Pill";
import { KIND_WORDS } from "@/components/runs/words";
import { INTERVALS } from "@/lib/interval";
import { type Filters, STATES } from "./filters";

type Change = Record<string, string | null>;
type Props = { filters: Filters; onChange: (change: Change) => void };

/** The filters of the history. */
export function FilterBar({ filters, onChange }: Props) {
  const jobs = useQuery(queries.jobs());
  const symbols = useQuery(queries.symbols());
  return (
    <Group gap="xs" px="md" py="sm" align="flex-end">
      <MultiSelect
        label="State"
        size="xs"
        w={220}
        data={STATES.map((value) => ({ value, label: RUN_WORDS[value] }))}
        value={filters.states}
        onChange={(states) => onChange({ state: states.join(",") })}
        placeholder={filters.states.length === 0 ? "any" : undefined}
      />
      <Choice
        label="Kind"
        value={filters.kind}
        data={Object.entries(KIND_WORDS).map(([value, label]) => ({ value, label }))}
        onChange={(kind) => onChange({ kind })}
      />
      <Choice
        label="Job"
        value={filters.job}
        data={(jobs.data?.jobs ?? []).map(({ id, title }) => ({ value: id, label: title }))}
        onChange={(job) => onChange({ job })}
      />
      <Choice
        label="Symbol"
        value={filters.symbol}
        data={(symbols.data?.symbols ?? []).map(({ symbol }) => ({ value: symbol, label: symbol }))}
        onChange={(symbol) => onChange({ symbol })}
      />
      <Choice
        label="Interval"
        value={filters.interval}
        data={INTERVALS.map((value) => ({ value, label: value }))}
        onChange={(interval) => onChange({ interval })}
      />
      <Switch
        size="xs"
        mb={6}
        label="Show all"
        checked={filters.all}
        onChange={(event) => onChange({ all: event.currentTarget.checked ? "1" : null })}
      />
    </Group>
  );
}

type ChoiceProps = {
  label: string;
  value: string | null;
  data: { value: string; label: string }[];
  onChange: (value: string | null) => void;
};

function Choice({ label, value, data, onChange }: ChoiceProps) {
  // An address may name what the list does not have (yet): it is shown as it stands there.
  const known = value === null || data.some((one) => one.value === value);
  return (
    <Select
      label={label}
      size="xs"
      w={150}
      data={known ? data : [{ value, label: value }, ...data]}
      value={value}
      onChange={onChange}
      placeholder="any"
      clearable
      searchable
      clearButtonProps={{ "aria-label": `Any ${label.toLowerCase()}` }}
    />
  );
}
