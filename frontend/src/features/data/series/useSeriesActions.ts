import { useState } from "react";
import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { CheckedGaps } from "@/api/types";
import type { Asked } from "../AskedRuns";
import { named } from "../named";
import type { Target } from "./selection";

/** What can be asked for series; *asked* are the runs of it, *checked* what the last look for gaps found. */
export function useSeriesActions() {
  const [asked, setAsked] = useState<Asked[]>([]);
  const [checked, setChecked] = useState<CheckedGaps | null>(null);
  const note = (what: string, answers: { job_id: number | null }[]) => {
    const runs = answers.flatMap(({ job_id }) => (job_id === null ? [] : [{ id: job_id, what }]));
    setAsked((before) => [...runs, ...before].slice(0, 6));
    return runs.length;
  };
  const refresh = useAction({
    act: (targets: Target[]) =>
      oneByOne(targets, (body) => take(client.POST("/api/data-ingestion/refresh", { body }))),
    makesStale: [keys.runs, keys.symbolsStatus],
    told: (answers) =>
      answers.some((one) => one.job_id !== null) ? null : "Nothing has closed since the last candle.",
    onDone: (answers) => note("Refresh", answers),
  });
  const check = useAction({
    act: (targets: Target[]) => {
      const symbols = [...new Set(targets.flatMap((target) => target.symbols ?? []))];
      return take(client.POST("/api/data-ingestion/gaps/check", { body: named(symbols) }));
    },
    makesStale: [keys.gaps, keys.symbolsStatus, keys.coverageDays],
    onDone: setChecked,
  });
  const fill = useAction({
    act: (targets: Target[]) =>
      oneByOne(targets, (body) => take(client.POST("/api/data-ingestion/gaps/fill", { body }))),
    makesStale: [keys.runs, keys.gaps],
    onDone: (answers) => note("Fill gaps", answers),
  });
  return { refresh, check, fill, asked, checked, forget: () => setChecked(null) };
}

/** Ask one after the other: SQLite takes one writer at a time. */
async function oneByOne<In, Out>(all: readonly In[], ask: (one: In) => Promise<Out>): Promise<Out[]> {
  const answers: Out[] = [];
  for (const one of all) answers.push(await ask(one));
  return answers;
}
