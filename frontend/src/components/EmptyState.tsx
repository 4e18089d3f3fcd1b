import { Stack, Text, ThemeIcon } from "@mantine/core";
import { type Icon, IconInbox } from "@tabler/icons-react";
import type { ReactNode } from "react";

type Props = { icon?: Icon; title: string; children?: ReactNode; action?: ReactNode };

/** What stands where there is nothing: what that means, and what to do about it if anything. */
export function EmptyState({ icon: Drawn = IconInbox, title, children, action }: Props) {
  return (
    <Stack align="center" gap={6} py="xl" px="md" ta="center">
      <ThemeIcon variant="light" color="gray" size={44} radius="xl">
        <Drawn size={24} stroke={1.5} />
      </ThemeIcon>
      <Text fw={600}>{title}</Text>
      {children && (
        <Text size="sm" c="dimmed" maw={440} component="div">
          {children}
        </Text>
      )}
      {action}
    </Stack>
  );
}
