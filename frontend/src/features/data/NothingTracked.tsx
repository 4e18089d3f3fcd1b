import { Button } from "@mantine/core";
import { IconDatabaseOff } from "@tabler/icons-react";
import { Link } from "react-router";
import { EmptyState } from "@/components/EmptyState";

/** What stands on the page before the first symbol is tracked. */
export function NothingTracked() {
  return (
    <EmptyState
      icon={IconDatabaseOff}
      title="Nothing is kept yet"
      action={
        <Button component={Link} to="/start" mt="sm">
          Get started
        </Button>
      }
    >
      Choose which markets Candlehouse should keep, and how much of their history.
    </EmptyState>
  );
}
