import { ActionIcon, Menu } from "@mantine/core";
import { IconClock, IconLogin2, IconLogout, IconUserCircle, IconUserShield } from "@tabler/icons-react";
import { useOperator } from "@/api/operator";
import { useZone } from "@/lib/preferences";
import { otherZone, zoneLabel } from "./Switches";

/** Who is at the keyboard, as far as Candlehouse knows. */
export function Account() {
  const { isOperator, name, askOperator, logOut } = useOperator();
  const [zone, setZone] = useZone();
  const label = isOperator ? `Operator: ${name}` : name ? `Viewer: ${name}` : "Not logged in";
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={label}>
          {isOperator ? <IconUserShield size={18} /> : <IconUserCircle size={18} />}
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{label}</Menu.Label>
        {!isOperator && (
          <Menu.Item
            leftSection={<IconLogin2 size={16} />}
            onClick={() => void askOperator().catch(() => undefined)}
          >
            Log in as operator
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconClock size={16} />} onClick={() => setZone(otherZone(zone))}>
          {zoneLabel(zone)}
        </Menu.Item>
        {name && (
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void logOut()}>
            Log out
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
