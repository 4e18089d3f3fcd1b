import { useState } from "react";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { Asked } from "../AskedRuns";
import { checkedText } from "../series/words";

/** Filling gaps by number, and looking for them: at some symbols, or at all that are tracked. */
export function useGapActions() {
  const [asked, setAsked] = useState<Asked[]>([]);
  const fill = useAction({
    act: (ids: number[]) => take(client.POST("/api/data-ingestion/gaps/fill", { body: { ids } })),
    makesStale: [keys.runs, keys.gaps],
    onDone: ({ job_id }, ids) => {
      if (job_id === null) return;
      const what = ids.length === 1 ? `Fill gap ${ids[0]}` : `Fill ${ids.length} gaps`;
      setAsked((before) => [{ id: job_id, what }, ...before].slice(0, 6));
    },
  });
  const check = useAction({
    act: (symbols?: string[]) => take(client.POST("/api/data-ingestion/gaps/check", { body: { symbols } })),
    makesStale: [keys.gaps, keys.symbolsStatus, keys.coverage, keys.coverageDays],
    told: checkedText,
  });
  return { fill, check, asked };
}
