import { Group, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

type Props = { title: string; about?: ReactNode; actions?: ReactNode };

/** The head of a page; names the browser's tab, too. */
export function PageHeader({ title, about, actions }: Props) {
  useEffect(() => {
    document.title = `${title} · Candlehouse`;
  }, [title]);
  return (
    <Group justify="space-between" align="flex-end" gap="sm" mb="md">
      <div>
        <Title order={1} size="h3">
          {title}
        </Title>
        {about && (
          <Text size="sm" c="dimmed" maw={720}>
            {about}
          </Text>
        )}
      </div>
      {actions && <Group gap="xs">{actions}</Group>}
    </Group>
  );
}
