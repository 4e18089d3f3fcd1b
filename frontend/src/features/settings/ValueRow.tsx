import { Badge, Button, Group, Text, TextInput } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { Setting } from "@/api/types";
import { titleOf } from "./groups";

/** Change settings by name; null takes a change back. */
export function useChangeSettings() {
  return useAction({
    act: (values: Record<string, string | null>) =>
      take(client.PUT("/api/config/settings", { body: { values } })),
    makesStale: [keys.settings, keys.health],
    told: (_, values) => {
      const [name = "", value] = Object.entries(values)[0] ?? [];
      return value === null ? `${titleOf(name)} is as it came.` : `${titleOf(name)} is saved.`;
    },
  });
}

/** One setting: its value, what is accepted, who says so. */
export function ValueRow({ setting, about }: { setting: Setting; about: string }) {
  const [value, setValue] = useState<string | null>(null);
  const change = useChangeSettings();
  const shown = value ?? setting.value ?? "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ [setting.name]: shown.trim() }, { onSuccess: () => setValue(null) });
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-start" justify="space-between" gap="md">
        <div style={{ flex: "1 1 16rem" }}>
          <Group gap="xs">
            <Text size="sm" fw={600} component="label" htmlFor={`setting-${setting.name}`}>
              {titleOf(setting.name)}
            </Text>
            <Origin setting={setting} />
          </Group>
          <Text size="xs" c="dimmed">
            {about}
          </Text>
        </div>
        <Group gap="xs" align="flex-start" wrap="nowrap">
          <TextInput
            id={`setting-${setting.name}`}
            w={150}
            value={shown}
            disabled={setting.locked_by !== null}
            leftSection={setting.locked_by && <IconLock size={15} />}
            onChange={(event) => setValue(event.currentTarget.value)}
            error={setting.problem}
            description={setting.accepted}
            inputWrapperOrder={["input", "description", "error"]}
          />
          <Button
            type="submit"
            variant="default"
            disabled={value === null || value === setting.value}
            loading={change.isPending}
          >
            Save
          </Button>
          {setting.source === "app_settings" && (
            <Button variant="subtle" color="gray" onClick={() => change.mutate({ [setting.name]: null })}>
              Undo
            </Button>
          )}
        </Group>
      </Group>
    </form>
  );
}

function Origin({ setting }: { setting: Setting }) {
  if (setting.locked_by) {
    return (
      <Badge variant="outline" color="gray" tt="none">
        set by {setting.locked_by}
      </Badge>
    );
  }
  return setting.source === "app_settings" ? (
    <Badge variant="light" tt="none">
      changed here
    </Badge>
  ) : null;
}
