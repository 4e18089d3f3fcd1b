import { Button, Group, Stack, Text } from "@mantine/core";
import { IconStethoscope } from "@tabler/icons-react";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import type { components } from "@/api/schema";
import { Panel } from "@/components/Panel";
import { Pill, type Tone } from "@/components/Pill";
import { Prose } from "@/components/Prose";

type Finding = components["schemas"]["DoctorFindingOut"];

const TONES: Record<Finding["verdict"], Tone> = { ok: "good", warning: "warn", problem: "bad" };

/** A thorough look at stores, exchange, clock, disk and data, on demand. */
export function Doctor() {
  const examine = useAction({ act: () => take(client.POST("/api/doctor")), makesStale: [] });
  return (
    <Panel
      title="Doctor"
      about="Looks at stores, exchange, clock and disk, and says what to do. It takes up to twelve seconds."
      actions={
        <Button
          size="xs"
          variant="default"
          leftSection={<IconStethoscope size={15} />}
          loading={examine.isPending}
          onClick={() => examine.mutate(undefined)}
        >
          Examine now
        </Button>
      }
    >
      {examine.data ? (
        <Findings findings={examine.data.findings} />
      ) : (
        <Text size="sm" c="dimmed">
          {examine.isPending ? "Examining …" : "Not examined yet on this page."}
        </Text>
      )}
    </Panel>
  );
}

/** What is wrong first. */
function Findings({ findings }: { findings: readonly Finding[] }) {
  const order: Finding["verdict"][] = ["problem", "warning", "ok"];
  const sorted = findings.toSorted((one, other) => order.indexOf(one.verdict) - order.indexOf(other.verdict));
  return (
    <Stack gap={6} role="status">
      {sorted.map((one) => (
        <Group key={`${one.area} ${one.check}`} gap="xs" align="baseline">
          <Pill tone={TONES[one.verdict]}>
            {one.area}: {one.check}
          </Pill>
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            <Prose text={one.advice ? `${one.found}; ${one.advice}` : one.found} />
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
