import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";
import type { Job } from "@/api/types";

const AFTER_JOBS = [keys.jobs];

/** Run a job at once; one that is under way is not doubled. */
export function useTrigger() {
  return useAction({
    act: (job: Job) =>
      take(client.POST("/api/scheduler/jobs/{id}/trigger", { params: { path: { id: job.id } }, body: {} })),
    makesStale: [keys.jobs, keys.runs],
    told: (out, job) => {
      if (!out.is_led) return `${job.title} waits for a scheduler: nobody leads at the moment.`;
      return out.is_new
        ? `${job.title} runs: run ${out.job_id}.`
        : `${job.title} is under way already: run ${out.job_id}.`;
    },
  });
}

/** Turn a job off or on again. */
export function useSwitchJob() {
  return useAction({
    act: (job: Job) => {
      const way = { params: { path: { id: job.id } } };
      return take(
        job.enabled
          ? client.POST("/api/scheduler/jobs/{id}/disable", way)
          : client.POST("/api/scheduler/jobs/{id}/enable", way),
      );
    },
    makesStale: AFTER_JOBS,
    told: (out) =>
      out.enabled ? `${out.title} runs by itself again.` : `${out.title} no longer runs by itself.`,
  });
}

type Schedule = { schedule: string | null; timeZone: string };

/** Change when a job runs; without a schedule, back to the one it came with. */
export function useReschedule(id: string, onDone: () => void) {
  return useAction({
    act: ({ schedule, timeZone }: Schedule) =>
      take(
        client.POST("/api/scheduler/jobs/{id}/schedule", {
          params: { path: { id } },
          body: { schedule, time_zone: timeZone },
        }),
      ),
    makesStale: AFTER_JOBS,
    told: (out) => `${out.title} now runs ${out.in_words}.`,
    onDone,
  });
}

/** Change what a job is run with; null goes back to what it came with. */
export function useParameters(id: string, onDone: () => void) {
  return useAction({
    act: (parameters: Record<string, unknown> | null) =>
      take(
        client.POST("/api/scheduler/jobs/{id}/parameters", {
          params: { path: { id } },
          body: { parameters },
        }),
      ),
    makesStale: AFTER_JOBS,
    told: (out) => `${out.title} has new parameters.`,
    onDone,
  });
}
