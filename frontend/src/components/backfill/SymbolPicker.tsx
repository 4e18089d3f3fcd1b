import { MultiSelect } from "@mantine/core";
import { useDebouncedValue, useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { messageOf } from "@/api/problem";
import { queries } from "@/api/queries";

type Props = { value: string[]; onChange: (symbols: string[]) => void; label?: string };

/** Symbols: those that are tracked, and by search all that the exchange has. */
export function SymbolPicker({ value, onChange, label = "Symbols" }: Props) {
  const [search, setSearch] = useState("");
  const [isOpen, { open, close }] = useDisclosure();
  const [asked] = useDebouncedValue(search.trim(), 250);
  const tracked = useQuery(queries.symbols());
  const found = useQuery(queries.exchangeSymbols(asked));
  const ours = (tracked.data?.symbols ?? []).filter((one) => one.tracked).map((one) => one.symbol);
  const others = (found.data?.symbols ?? []).map((one) => one.symbol).filter((one) => !ours.includes(one));
  return (
    <MultiSelect
      label={label}
      description={aboutList(found.data, found.error)}
      placeholder={value.length === 0 ? "Type to search the exchange's list" : undefined}
      data={[
        { group: "Tracked", items: ours },
        { group: "At the exchange", items: others },
      ].filter((group) => group.items.length > 0)}
      value={value}
      onChange={onChange}
      searchable
      searchValue={search}
      onSearchChange={setSearch}
      nothingFoundMessage={found.isFetching ? "Searching…" : "The exchange has no such symbol"}
      maxDropdownHeight={260}
      hidePickedOptions
      dropdownOpened={isOpen}
      onDropdownOpen={open}
      onDropdownClose={close}
      onOptionSubmit={close} // else the list stays over what comes below it
      clearable
      clearButtonProps={{ "aria-label": "Take all symbols out" }}
    />
  );
}

function aboutList(found: { is_complete: boolean; found: number } | undefined, error: Error | null): string {
  if (error) return `The exchange's list could not be had: ${messageOf(error)}`;
  if (found?.is_complete === false)
    return "The exchange cannot be asked at the moment: these are known already.";
  return "Tracked ones, or any other that trades at the exchange.";
}
