import { Anchor, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useNavigate } from "react-router";
import { queries } from "@/api/queries";
import type { Notification, Severity } from "@/api/types";
import { Prose } from "@/components/Prose";
import { plural } from "@/lib/format";
import { NEWS } from "./Bell";

const COLOURS: Record<Severity, string> = { info: "blue", warning: "yellow", error: "red" };

/** One cause may concern each of many series: as many are shown one by one, the others as a number. */
const AT_ONCE = 3;

/** Show as toasts what is told while the page is open; what was there before waits behind the bell. */
export function ToastNews() {
  const { data } = useQuery(queries.notifications(NEWS));
  const navigate = useNavigate();
  const seenMs = useRef<number>(undefined);
  useEffect(() => {
    if (!data) return;
    const before = seenMs.current;
    seenMs.current = Math.max(before ?? 0, ...data.notifications.map((one) => one.last_ms));
    if (before === undefined) return;
    const fresh = data.notifications.filter((one) => one.last_ms > before && one.read_ms === null);
    for (const one of fresh.slice(0, AT_ONCE)) {
      notifications.show({
        id: `news-${one.id}`,
        title: <Prose text={one.title} />,
        message: <Told news={one} onOpen={(id) => void navigate(`/runs/${id}`)} />,
        color: COLOURS[one.severity],
      });
    }
    if (fresh.length > AT_ONCE) {
      notifications.show({
        id: "more-news",
        title: plural(fresh.length - AT_ONCE, "more notification"),
        message: "All of them are behind the bell.",
      });
    }
  }, [data, navigate]);
  return null;
}

type ToldProps = { news: Notification; onOpen: (runId: number) => void };

/** As much as one reads in passing. Toasts stand outside the router, so that a link there is a button of ours. */
function Told({ news: { body, run_id }, onOpen }: ToldProps) {
  return (
    <>
      {body && (
        <Text component="div" size="sm" c="dimmed" lineClamp={3} style={{ whiteSpace: "pre-line" }}>
          <Prose text={body} />
        </Text>
      )}
      {run_id !== null && (
        <Anchor component="button" type="button" size="sm" onClick={() => onOpen(run_id)}>
          To run {run_id}
        </Anchor>
      )}
    </>
  );
}
