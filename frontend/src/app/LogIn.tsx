import { Button, Code, Group, Modal, PasswordInput, Text } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useOperator } from "@/api/operator";
import { messageOf } from "@/api/problem";

/** Asks for the operator's token, once somebody wants to change something. */
export function LogIn() {
  const { isAsking, logIn, callOff } = useOperator();
  const [token, setToken] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await logIn(token.trim());
      setToken("");
    } catch (why) {
      setError(messageOf(why));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={isAsking} onClose={callOff} title="Log in as operator">
      <form onSubmit={(event) => void submit(event)}>
        <Text size="sm" mb="sm">
          Reading is open; changing something takes the operator's token. The first start showed it as a link,
          and it is in the file <Code>operator_token</Code> of the data folder. This browser remembers it for
          30 days.
        </Text>
        <PasswordInput
          label="Token"
          placeholder="ch_…"
          autoComplete="current-password"
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          error={error}
          data-autofocus
          required
        />
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={callOff}>
            Not now
          </Button>
          <Button type="submit" loading={isBusy}>
            Log in
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
