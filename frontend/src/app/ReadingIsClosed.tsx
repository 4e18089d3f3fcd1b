import { Button } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { useOperator } from "@/api/operator";
import { EmptyState } from "@/components/EmptyState";

/** Candlehouse is bound to more than this machine, and nobody is logged in. */
export function ReadingIsClosed() {
  const { askOperator } = useOperator();
  return (
    <EmptyState
      icon={IconLock}
      title="A token is needed to look inside"
      action={<Button onClick={() => void askOperator().catch(() => undefined)}>Log in</Button>}
    >
      This Candlehouse can be reached by other machines, so even reading asks for a token.
    </EmptyState>
  );
}
