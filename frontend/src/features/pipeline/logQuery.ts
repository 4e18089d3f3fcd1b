import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";
import { client, take } from "@/api/client";
import { keys } from "@/api/queries";
import type { LakeObject, Lane } from "@/api/types";

type Wanted = {
  symbol: string | null;
  state: LakeObject["state"] | null;
  lane: Lane | null;
  data_type: LakeObject["data_type"] | null;
};

const PAGE = 50;

/** The ingestion log by pages, the newest first. */
export function logQuery(wanted: Wanted) {
  const named = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null));
  return infiniteQueryOptions({
    queryKey: [...keys.ingestionLog, named],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      take(
        client.GET("/api/ingestion/logs", {
          params: { query: { ...named, limit: PAGE, cursor: pageParam } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}
