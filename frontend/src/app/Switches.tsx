import { ActionIcon, Button, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSun } from "@tabler/icons-react";
import { useZone } from "@/lib/preferences";
import { type Zone, zoneName } from "@/lib/time";

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
  const label = zoneLabel(zone);
  return (
    <Tooltip label={label}>
      <Button
        variant="subtle"
        color="gray"
        size="compact-sm"
        visibleFrom="xs"
        onClick={() => setZone(otherZone(zone))}
        aria-label={label}
      >
        {zoneName(zone)}
      </Button>
    </Tooltip>
  );
}

export function otherZone(zone: Zone): Zone {
  return zone === "utc" ? "local" : "utc";
}

/** What the switch does; nothing where this browser's own zone is UTC. */
export function zoneLabel(zone: Zone): string {
  const [now, then] = [zoneName(zone), zoneName(otherZone(zone))];
  return now === then
    ? `Times are in ${now}, which is local time here`
    : `Times are in ${now}; show them in ${then}`;
}
