import { ActionIcon, Button, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSun } from "@tabler/icons-react";
import { useZone } from "@/lib/preferences";
import { zoneName } from "@/lib/time";

/** Light or dark; the system's choice until one is made. */
export function Look() {
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme("light") === "dark";
  const label = isDark ? "Light colours" : "Dark colours";
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={label}
        onClick={() => setColorScheme(isDark ? "light" : "dark")}
      >
        {isDark ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}

/** In which time zone all times are shown. */
export function ZoneSwitch() {
  const [zone, setZone] = useZone();
  const other = zone === "utc" ? "local" : "utc";
  return (
    <Tooltip label={`Times are in ${zoneName(zone)}; show them in ${zoneName(other)}`}>
      <Button
        variant="subtle"
        color="gray"
        size="compact-sm"
        visibleFrom="xs"
        onClick={() => setZone(other)}
        aria-label={`Times are in ${zoneName(zone)}; show them in ${zoneName(other)}`}
      >
        {zoneName(zone)}
      </Button>
    </Tooltip>
  );
}
