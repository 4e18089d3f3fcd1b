import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { queries } from "@/api/queries";
import type { Severity } from "@/api/types";
import { NEWS } from "./Bell";

const COLOURS: Record<Severity, string> = { info: "blue", warning: "yellow", error: "red" };

/** Show as toasts what is told while the page is open; what was there before waits behind the bell. */
export function ToastNews() {
  const { data } = useQuery(queries.notifications(NEWS));
  const seenMs = useRef<number>(undefined);
  useEffect(() => {
    if (!data) return;
    const before = seenMs.current;
    seenMs.current = Math.max(before ?? 0, ...data.notifications.map((one) => one.last_ms));
    if (before === undefined) return;
    for (const one of data.notifications) {
      if (one.last_ms > before && one.read_ms === null) {
        notifications.show({
          id: `news-${one.id}`,
          title: one.title,
          message: one.body,
          color: COLOURS[one.severity],
        });
      }
    }
  }, [data]);
  return null;
}
