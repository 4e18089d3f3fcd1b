import { Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import type { Setting } from "@/api/types";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { ELSEWHERE, GROUPS } from "./groups";
import { ValueRow } from "./ValueRow";

/** The settings that may change while Candlehouse runs. */
export function Values() {
  const query = useQuery(queries.settings());
  return (
    <Loaded query={query} lines={12}>
      {({ settings }) => (
        <Stack gap="md">
          {GROUPS.map(({ title, names }) => (
            <Panel key={title} title={title}>
              <Rows settings={settings.filter((one) => one.name in names)} names={names} />
            </Panel>
          ))}
          <Others settings={settings} />
        </Stack>
      )}
    </Loaded>
  );
}

function Rows({
  settings,
  names,
}: {
  settings: readonly Setting[];
  names: Readonly<Record<string, string>>;
}) {
  return (
    <Stack gap="md">
      {settings.map((one) => (
        <ValueRow key={one.name} setting={one} about={names[one.name] ?? ""} />
      ))}
    </Stack>
  );
}

function Others({ settings }: { settings: readonly Setting[] }) {
  const known = new Set([...GROUPS.flatMap(({ names }) => Object.keys(names)), ...ELSEWHERE]);
  const rest = settings.filter((one) => !known.has(one.name));
  if (rest.length === 0) return null;
  return (
    <Panel title="Other">
      <Rows settings={rest} names={{}} />
    </Panel>
  );
}
