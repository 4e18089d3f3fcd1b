import { Anchor, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import { RunPill } from "@/components/Pill";
import { amountText, restText } from "@/components/RunProgress";
import classes from "./Data.module.css";

/** A run that this page has asked for. */
export type Asked = { id: number; what: string };

/** How the work goes that was asked for here, each with a link to its run. */
export function AskedRuns({ asked }: { asked: readonly Asked[] }) {
  if (asked.length === 0) return null;
  return (
    <Stack gap={4} role="status" className={classes.asked}>
      {asked.map((one) => (
        <AskedRun key={one.id} {...one} />
      ))}
    </Stack>
  );
}

function AskedRun({ id, what }: Asked) {
  const { data } = useQuery({ ...queries.run(id), refetchInterval: useRefresh() });
  return (
    <Group gap="sm">
      <Text size="sm">
        {what}:{" "}
        <Anchor component={Link} underline="always" to={`/runs/${id}`}>
          run {id}
        </Anchor>
      </Text>
      {data && (
        <>
          <RunPill state={data.state} wish={data.wish} />
          <Text size="xs" c="dimmed" className="ch-num">
            {[amountText(data), restText(data)].filter(Boolean).join(" · ")}
          </Text>
          {data.error && (
            <Text size="xs" c="var(--ch-error)">
              {data.error.what}
            </Text>
          )}
        </>
      )}
    </Group>
  );
}
