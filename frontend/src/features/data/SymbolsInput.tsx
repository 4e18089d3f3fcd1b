import { MultiSelect } from "@mantine/core";
import { useKnownSymbols } from "./useKnownSymbols";

type Props = { value: string[]; onChange: (symbols: string[]) => void };

/** Chooses among the symbols of which something is kept; none chosen means all. */
export function SymbolsInput({ value, onChange }: Props) {
  return (
    <MultiSelect
      label="Symbols"
      data={[...useKnownSymbols()]}
      value={value}
      onChange={onChange}
      placeholder={value.length === 0 ? "All" : undefined}
      searchable
      clearable
      miw={200}
      maw="100%"
      limit={100}
    />
  );
}
