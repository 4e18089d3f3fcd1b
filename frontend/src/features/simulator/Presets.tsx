import { Button, Group, Select, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { queries } from "@/api/queries";
import type { Preset } from "./presets";
import classes from "./Simulator.module.css";

type Props = {
  /** What one of them is called, as in “Your own fault”. */
  noun: string;
  presets: readonly Preset[];
  example: string;
  onSpec: (spec: string) => void;
  isBusy: boolean;
};

/** Ready-made specs to press, and a line for one's own. */
export function Presets({ noun, presets, example, onSpec, isBusy }: Props) {
  const { data } = useQuery(queries.dashboard());
  const symbols = [...new Set(data?.symbols.map((one) => one.symbol))];
  const [symbol, setSymbol] = useState<string | null>(null);
  const [own, setOwn] = useState("");
  const chosen = symbol ?? symbols[0] ?? "BTCUSDT";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSpec(own.trim());
  };
  return (
    <>
      <Select
        label="Symbol"
        data={symbols}
        value={chosen}
        onChange={setSymbol}
        searchable
        w={180}
        mb="sm"
        size="xs"
      />
      <div className={classes.presets}>
        {presets.map((preset) => (
          <div key={preset.title} className={classes.preset}>
            <Text size="sm" fw={600}>
              {preset.title}
            </Text>
            <Text size="xs" c="dimmed" mb="xs">
              {preset.about}
            </Text>
            <Button
              size="compact-sm"
              variant="default"
              disabled={isBusy}
              onClick={() => onSpec(preset.spec(chosen))}
              aria-label={`${preset.title}: do it`}
            >
              Do it
            </Button>
          </div>
        ))}
      </div>
      <form onSubmit={submit}>
        <Group align="flex-end" gap="xs" mt="md">
          <TextInput
            label={`Your own ${noun}`}
            placeholder={example}
            value={own}
            onChange={(event) => setOwn(event.currentTarget.value)}
            style={{ flex: "1 1 16rem" }}
            spellCheck={false}
          />
          <Button type="submit" variant="default" disabled={!own.trim() || isBusy}>
            Do it
          </Button>
        </Group>
      </form>
    </>
  );
}
