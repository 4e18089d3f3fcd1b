import { Drawer, Stack, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Job } from "@/api/types";
import { EditParameters } from "./EditParameters";
import { EditSchedule } from "./EditSchedule";

/** When a job runs and with what, to be changed. */
export function EditJob({ job, onClose }: { job: Job; onClose: () => void }) {
  return (
    <Drawer opened onClose={onClose} position="right" title={job.title} size="md">
      <Stack gap="lg">
        <Text size="sm">
          {job.description}. It may take {Math.round(job.time_limit_s / 60)} minutes at most.{" "}
          <Link to={`/runs?job=${job.id}`}>All its runs</Link>
        </Text>
        <EditSchedule job={job} onDone={onClose} />
        {Object.keys(job.parameters).length > 0 && <EditParameters job={job} onDone={onClose} />}
      </Stack>
    </Drawer>
  );
}
