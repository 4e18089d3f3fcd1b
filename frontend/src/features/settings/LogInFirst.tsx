import { Button } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { useOperator } from "@/api/operator";
import { EmptyState } from "@/components/EmptyState";

export function LogInFirst() {
  const { askOperator } = useOperator();
  return (
    <EmptyState
      icon={IconLock}
      title="Only an operator sees who has access"
      action={<Button onClick={() => void askOperator().catch(() => undefined)}>Log in</Button>}
    />
  );
}
