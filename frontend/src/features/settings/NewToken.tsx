import { Alert, Button, Code, CopyButton, Group, Select, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { components } from "@/api/schema";

type Role = components["schemas"]["Role"];

/** Makes a token for somebody or some program, and shows it this once. */
export function NewToken() {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const create = useAction({
    act: () => take(client.POST("/api/tokens", { body: { name: name.trim(), role } })),
    makesStale: [keys.tokens, keys.audit],
    onDone: () => setName(""),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(undefined);
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="sm">
        <TextInput
          label="For whom"
          placeholder="grafana"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          required
        />
        <Select
          label="Role"
          data={["viewer", "operator"]}
          value={role}
          onChange={(value) => setRole(value === "operator" ? "operator" : "viewer")}
          w={130}
        />
        <Button type="submit" loading={create.isPending} disabled={!name.trim()}>
          Make a token
        </Button>
      </Group>
      {create.data && (
        <Alert
          mt="md"
          color="ember"
          title={`The token of ${create.data.details.name}: copy it now, it is never shown again`}
        >
          <Group gap="sm">
            <Code style={{ overflowWrap: "anywhere" }}>{create.data.token}</Code>
            <CopyButton value={create.data.token}>
              {({ copied, copy }) => (
                <Button size="compact-sm" variant="default" onClick={copy}>
                  {copied ? "Copied" : "Copy"}
                </Button>
              )}
            </CopyButton>
          </Group>
        </Alert>
      )}
    </form>
  );
}
