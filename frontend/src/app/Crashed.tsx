import { Button, Code } from "@mantine/core";
import { IconBug } from "@tabler/icons-react";
import { useRouteError } from "react-router";
import { messageOf } from "@/api/problem";
import { EmptyState } from "@/components/EmptyState";

/** What stands in a page's place when its code failed: that only the page did, and what to do. */
export function Crashed() {
  const error = useRouteError();
  return (
    <EmptyState
      icon={IconBug}
      title="This page failed"
      action={<Button onClick={() => window.location.reload()}>Load it again</Button>}
    >
      Collecting goes on; nothing is lost. After an update of Candlehouse, loading it again is all it takes.
      <Code block mt="sm">
        {messageOf(error)}
      </Code>
    </EmptyState>
  );
}
