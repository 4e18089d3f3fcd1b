import { TextInput } from "@mantine/core";

type Props = {
  first: string;
  last: string;
  onChange: (days: { first: string; last: string }) => void;
  required?: boolean;
};

/** Chooses whole UTC days, the last one within. The browser's own date fields: they are known and need no code. */
export function DaysInput({ first, last, onChange, required = false }: Props) {
  const isTurned = first !== "" && last !== "" && last < first;
  return (
    <>
      <TextInput
        type="date"
        label="First day (UTC)"
        value={first}
        max={last || undefined}
        required={required}
        onChange={(event) => onChange({ first: event.currentTarget.value, last })}
      />
      <TextInput
        type="date"
        label="Last day (UTC)"
        value={last}
        min={first || undefined}
        required={required}
        error={isTurned ? "Comes before the first" : undefined}
        onChange={(event) => onChange({ first, last: event.currentTarget.value })}
      />
    </>
  );
}
