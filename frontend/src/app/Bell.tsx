import { ActionIcon, Button, Group, Indicator, Popover, Stack, Text, Tooltip } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconBell } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { client, take } from "@/api/client";
import { useRefresh } from "@/api/live";
import { useAction } from "@/api/operator";
import { keys, queries } from "@/api/queries";
import type { Notification } from "@/api/types";
import { SeverityPill } from "@/components/Pill";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";
import { plural } from "@/lib/format";

export const NEWS = { limit: 20 };

/** What went wrong, recovered or finished, the newest first. */
export function Bell() {
  const { data } = useQuery({ ...queries.notifications(NEWS), refetchInterval: useRefresh(15_000) });
  const unread = data?.unread ?? 0;
  const readAll = useAction({
    act: () => take(client.POST("/api/notifications/read")),
    makesStale: [keys.notifications],
  });
  const [isOpen, setOpen] = useState(false);
  useHotkeys([["Escape", () => setOpen(false)]], []);
  const label = unread ? `Notifications, ${unread} unread` : "Notifications";
  return (
    <Popover
      position="bottom-end"
      width={380}
      shadow="md"
      withRoles={false}
      opened={isOpen}
      onChange={setOpen}
    >
      <Popover.Target>
        <Tooltip label={label} disabled={isOpen}>
          <Indicator
            disabled={!unread}
            label={unread > 99 ? "99+" : unread}
            size={16}
            color="ember"
            offset={5}
          >
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={label}
              onClick={() => setOpen((before) => !before)}
            >
              <IconBell size={18} />
            </ActionIcon>
          </Indicator>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown
        role="dialog"
        aria-label="Notifications"
        mah="75vh"
        style={{ overflowY: "auto", maxWidth: "94vw" }}
      >
        <Group justify="space-between" mb="xs">
          <Text fw={600} size="sm">
            {unread ? plural(unread, "unread notification") : "Notifications"}
          </Text>
          {unread > 0 && (
            <Button size="compact-xs" variant="subtle" onClick={() => readAll.mutate(undefined)}>
              Mark all read
            </Button>
          )}
        </Group>
        <Stack gap="sm">
          {data?.notifications.map((one) => (
            <News key={one.id} news={one} />
          ))}
          {data?.notifications.length === 0 && (
            <Text size="sm" c="dimmed">
              Nothing yet. Failures, bans, recoveries and finished batches are told here.
            </Text>
          )}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

function News({ news }: { news: Notification }) {
  return (
    <div style={{ opacity: news.read_ms === null ? 1 : 0.75 }}>
      <Group gap="xs" justify="space-between" wrap="nowrap">
        <SeverityPill severity={news.severity} />
        <Text size="xs" c="dimmed">
          {news.times > 1 && `${news.times} times, `}
          <Time ms={news.last_ms} relative />
        </Text>
      </Group>
      <Text size="sm" fw={news.read_ms === null ? 600 : 400}>
        {news.run_id === null ? (
          <Prose text={news.title} />
        ) : (
          <Link to={`/runs/${news.run_id}`}>{news.title}</Link>
        )}
      </Text>
      <Text size="xs" c="dimmed" lineClamp={3} style={{ whiteSpace: "pre-line" }}>
        <Prose text={news.body} />
      </Text>
    </div>
  );
}
