import { Button, Popover, Stack, Text } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import type { HealthComponent } from "@/api/types";
import { HEALTH_TONES, Pill } from "@/components/Pill";
import { Prose } from "@/components/Prose";
import { Time } from "@/components/Time";

export const HEALTH_EVERY_MS = 5_000;

/** How everything is doing, in a word; it opens into components with what to do. */
export function HealthBadge() {
  const { data, error, dataUpdatedAt } = useQuery({
    ...queries.health(),
    refetchInterval: HEALTH_EVERY_MS,
    retry: false,
  });
  const [isOpen, { toggle, close }] = useDisclosure();
  useHotkeys([["Escape", close]], []);
  const word = error ? "no answer" : (data?.status ?? "looking");
  const tone = error ? "bad" : data ? HEALTH_TONES[data.status] : "quiet";
  return (
    <Popover position="bottom-end" width={380} shadow="md" withinPortal opened={isOpen} onDismiss={close}>
      <Popover.Target>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          aria-label={`Health: ${word}`}
          onClick={toggle}
        >
          <Pill tone={tone}>{word}</Pill>
        </Button>
      </Popover.Target>
      <Popover.Dropdown mah="75vh" style={{ overflowY: "auto", maxWidth: "94vw" }}>
        <Stack gap="sm">
          {error && <Text size="sm">{error.message}</Text>}
          {data?.components.map((one) => (
            <Component key={one.name} component={one} />
          ))}
          <Text size="xs" c="dimmed">
            Looked at <Time ms={dataUpdatedAt} relative />
          </Text>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

function Component({ component }: { component: HealthComponent }) {
  return (
    <div>
      <Pill tone={HEALTH_TONES[component.status]}>
        <span style={{ color: "var(--ch-text)" }}>{component.name}</span>
      </Pill>
      <Text size="sm">
        <Prose text={component.found} />
      </Text>
      {component.advice && (
        <Text size="xs" c="dimmed">
          <Prose text={component.advice} />
        </Text>
      )}
    </div>
  );
}
