import { Anchor } from "@mantine/core";
import { IconMapOff } from "@tabler/icons-react";
import { Link } from "react-router";
import { EmptyState } from "@/components/EmptyState";

export function NotFound() {
  return (
    <EmptyState icon={IconMapOff} title="There is no such page">
      The address may be old or mistyped.{" "}
      <Anchor component={Link} to="/" underline="always">
        Go to the dashboard
      </Anchor>
    </EmptyState>
  );
}
