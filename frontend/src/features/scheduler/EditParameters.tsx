import { Button, Group, JsonInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Job } from "@/api/types";
import { useParameters } from "./actions";
import { readParameters } from "./readParameters";

/** What a job is run with, as JSON: each job has its own, and the server says which it takes. */
export function EditParameters({ job, onDone }: { job: Job; onDone: () => void }) {
  const [text, setText] = useState(JSON.stringify(job.parameters, null, 2));
  const save = useParameters(job.id, onDone);
  const read = readParameters(text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (read.parameters) save.mutate(read.parameters);
  };
  return (
    <form onSubmit={submit}>
      <JsonInput
        label="Parameters"
        description="What each run by this schedule is given"
        value={text}
        onChange={setText}
        error={read.error}
        autosize
        minRows={3}
        formatOnBlur
      />
      <Group mt="sm" justify="space-between">
        <Button variant="default" onClick={() => save.mutate(null)}>
          As they came
        </Button>
        <Button type="submit" loading={save.isPending} disabled={!read.parameters}>
          Save parameters
        </Button>
      </Group>
    </form>
  );
}
