import { Alert, Button, Group, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { messageOf, Problem } from "@/api/problem";
import { queries } from "@/api/queries";
import type { Job } from "@/api/types";
import { useReschedule } from "./actions";
import { NextTimes } from "./NextTimes";
import { timeZones } from "./timeZones";

const SETTLE_MS = 250;

/** The schedule of a job; its next five times are shown before it is saved. */
export function EditSchedule({ job, onDone }: { job: Job; onDone: () => void }) {
  const [schedule, setSchedule] = useState(job.schedule);
  const [timeZone, setTimeZone] = useState(job.time_zone);
  const [settled] = useDebouncedValue(schedule.trim(), SETTLE_MS);
  const preview = useQuery({ ...queries.schedulePreview(settled, timeZone), enabled: settled !== "" });
  const save = useReschedule(job.id, onDone);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ schedule: schedule.trim(), timeZone });
  };
  if (job.locked_by) {
    return (
      <Alert icon={<IconLock size={18} />} color="gray" title={`Runs ${job.in_words}`}>
        The schedule is set by {job.locked_by} in the environment; change it there.
        <NextTimes times={job.next_times_ms} timeZone={job.time_zone} />
      </Alert>
    );
  }
  const refusal = preview.error instanceof Problem ? preview.error.fields[0] : undefined;
  return (
    <form onSubmit={submit}>
      <TextInput
        label="Schedule"
        description="Like “every 10min”, or a cron line of five fields: minute, hour, day, month, day of the week"
        value={schedule}
        onChange={(event) => setSchedule(event.currentTarget.value)}
        error={
          preview.error &&
          (refusal ? `${refusal.message}. Accepted: ${refusal.accepted}` : messageOf(preview.error))
        }
        spellCheck={false}
        data-autofocus
        required
      />
      <Select
        mt="sm"
        label="Time zone"
        description="Whose clocks a cron line goes by"
        data={timeZones(timeZone)}
        value={timeZone}
        onChange={(value) => value && setTimeZone(value)}
        searchable
      />
      {preview.data && !preview.error && (
        <>
          <Text size="sm" fw={600} mt="md">
            Runs {preview.data.in_words}
          </Text>
          <NextTimes times={preview.data.next_times_ms} timeZone={timeZone} />
        </>
      )}
      <Group mt="md" justify="space-between">
        <Button
          variant="default"
          disabled={job.is_default}
          onClick={() => save.mutate({ schedule: null, timeZone: "UTC" })}
        >
          As it came: {job.default_schedule}
        </Button>
        <Button type="submit" loading={save.isPending} disabled={!preview.data || preview.error !== null}>
          Save
        </Button>
      </Group>
    </form>
  );
}
