import { Button, Group, MultiSelect } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { queries } from "@/api/queries";
import type { Interval } from "@/api/types";
import { INTERVALS } from "@/lib/interval";
import { useAdd } from "./symbolActions";

const SETTLE_MS = 250;

/** Searches the exchange's list and begins to track what is chosen. */
export function AddSymbols() {
  const [chosen, setChosen] = useState<string[]>([]);
  const [intervals, setIntervals] = useState<Interval[]>(["1m"]);
  const [search, setSearch] = useState("");
  const [settled] = useDebouncedValue(search, SETTLE_MS);
  const { data, isFetching, error } = useQuery(queries.exchangeSymbols(settled));
  const add = useAdd(() => setChosen([]));
  const found = data?.symbols.filter((one) => !one.tracked).map((one) => one.symbol) ?? [];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate({ symbols: chosen, intervals });
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="sm">
        <MultiSelect
          label="Symbols"
          placeholder={chosen.length ? "" : "BTC, ETHUSDT, …"}
          data={[...new Set([...chosen, ...found])]}
          value={chosen}
          onChange={setChosen}
          searchable
          searchValue={search}
          onSearchChange={setSearch}
          nothingFoundMessage={
            isFetching ? "Looking …" : "The exchange has none of that name that is not tracked already"
          }
          error={error?.message}
          description={
            data && !data.is_complete
              ? "The exchange cannot be asked now: these are the ones known already"
              : undefined
          }
          hidePickedOptions
          miw={240}
          style={{ flex: "1 1 18rem" }}
        />
        <MultiSelect
          label="Intervals"
          data={[...INTERVALS]}
          value={intervals}
          onChange={(values) => setIntervals(INTERVALS.filter((one) => values.includes(one)))}
          style={{ flex: "1 1 10rem" }}
        />
        <Button
          type="submit"
          loading={add.isPending}
          disabled={chosen.length === 0 || intervals.length === 0}
        >
          Track
        </Button>
      </Group>
    </form>
  );
}
