import { Alert } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";

/** Says that what waits will go on waiting, while no scheduler leads; nothing else. */
export function NobodyLeads() {
  const refetchInterval = Math.min(10_000, useRefresh());
  const { data } = useQuery({ ...queries.leader(), refetchInterval });
  if (data === undefined || data.is_led) return null;
  return (
    <Alert color="yellow" variant="light" title="No scheduler leads" role="status">
      Runs wait until one does. Start <code>./candlehouse up</code>, or <code>scheduler.py</code> alone; a
      process that crashed is replaced within 30 seconds.
    </Alert>
  );
}
