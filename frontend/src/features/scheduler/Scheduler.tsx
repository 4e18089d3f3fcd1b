import { Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import { Loaded } from "@/components/Loaded";
import { PageHeader } from "@/components/PageHeader";
import { Panel } from "@/components/Panel";
import { EditJob } from "./EditJob";
import { JobTable } from "./JobTable";
import { LeaderPanel } from "./LeaderPanel";

const EVERY_MS = 10_000; // next and last runs move with each cycle

/** What runs by itself, and when; and who does it. */
export function Component() {
  const query = useQuery({ ...queries.jobs(), refetchInterval: Math.min(useRefresh(), EVERY_MS) });
  const [edited, setEdited] = useState<string | null>(null);
  const job = query.data?.jobs.find((one) => one.id === edited);
  return (
    <>
      <PageHeader
        title="Scheduler"
        about="What runs by itself, and when. Every job can be run at once, too."
      />
      <Stack gap="md">
        <LeaderPanel />
        <Panel title="Jobs" flush>
          <Loaded query={query} lines={10}>
            {(data) => <JobTable jobs={data.jobs} onEdit={setEdited} />}
          </Loaded>
        </Panel>
      </Stack>
      {job && <EditJob key={job.id} job={job} onClose={() => setEdited(null)} />}
    </>
  );
}
