import { Alert, Button, Group, List, Text, Textarea } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys, queries } from "@/api/queries";
import type { Setting } from "@/api/types";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Pill } from "@/components/Pill";
import { useChangeSettings } from "./ValueRow";

/** Where failures, bans, recoveries and finished batches are sent on to. */
export function Notifying() {
  const query = useQuery(queries.settings());
  return (
    <Panel
      title="Notifications"
      about="What went wrong, recovered or finished is behind the bell; it can be sent on to e-mail, chat and many more."
    >
      <Loaded query={query}>
        {({ settings }) => {
          const setting = settings.find((one) => one.name === "notify_urls");
          return setting && <Addresses setting={setting} />;
        }}
      </Loaded>
    </Panel>
  );
}

function Addresses({ setting }: { setting: Setting }) {
  const [value, setValue] = useState("");
  const change = useChangeSettings();
  const test = useAction({
    act: () => take(client.POST("/api/notifications/test")),
    makesStale: [keys.notifications],
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ notify_urls: value.trim() }, { onSuccess: () => setValue("") });
  };
  return (
    <form onSubmit={submit}>
      {setting.locked_by ? (
        <Alert color="gray" icon={<IconLock size={18} />}>
          The addresses are set by {setting.locked_by} in the environment.
        </Alert>
      ) : (
        <Textarea
          label="Addresses"
          description={`${setting.accepted}. They hold secrets, so what is saved is not shown again.`}
          placeholder={
            setting.value === null
              ? "tgram://token/chat"
              : "Addresses are saved; type new ones to replace them"
          }
          value={value}
          onChange={(event) => setValue(event.currentTarget.value)}
          error={setting.problem}
          autosize
          minRows={2}
        />
      )}
      <Group mt="sm">
        {!setting.locked_by && (
          <Button type="submit" disabled={!value.trim()} loading={change.isPending}>
            Save
          </Button>
        )}
        <Button
          variant="default"
          disabled={setting.value === null}
          loading={test.isPending}
          onClick={() => test.mutate(undefined)}
        >
          Send a test
        </Button>
        {setting.source === "app_settings" && (
          <Button variant="subtle" color="gray" onClick={() => change.mutate({ notify_urls: null })}>
            Send to nobody
          </Button>
        )}
        {setting.value === null && (
          <Text size="sm" c="dimmed">
            Nothing is sent on so far.
          </Text>
        )}
      </Group>
      {test.data && (
        <List mt="sm" size="sm" aria-label="What became of the test">
          {test.data.results.map((one) => (
            <List.Item key={one.target}>
              {one.target}:{" "}
              {one.sent ? <Pill tone="good">sent</Pill> : <Pill tone="bad">{one.error ?? "not sent"}</Pill>}
            </List.Item>
          ))}
        </List>
      )}
    </form>
  );
}
