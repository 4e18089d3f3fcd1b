import { Button, Popover, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { type FormEvent, useState } from "react";
import { useZone } from "@/lib/preferences";
import { zoneName } from "@/lib/time";
import { useUrlState } from "@/lib/urlState";
import { type View, writeTime } from "./view";

/** A span by hand: from and until when. */
export function GoTo({ view }: { view: View }) {
  const [isOpen, { toggle, close }] = useDisclosure();
  return (
    <Popover opened={isOpen} onChange={(open) => !open && close()} trapFocus shadow="md" position="top-start">
      <Popover.Target>
        <Button
          size="compact-xs"
          variant={view.hand ? "light" : "subtle"}
          color={view.hand ? undefined : "gray"}
          aria-pressed={view.hand !== null}
          onClick={toggle}
        >
          From … to
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <SpanForm view={view} onDone={close} />
      </Popover.Dropdown>
    </Popover>
  );
}

function SpanForm({ view, onDone }: { view: View; onDone: () => void }) {
  const [, write] = useUrlState();
  const [zone] = useZone();
  const suffix = zone === "utc" ? "Z" : "";
  const [from, setFrom] = useState(() => inputText(view.hand?.fromMs, zone));
  const [to, setTo] = useState(() => inputText(view.hand?.toMs, zone));
  const [fromMs, toMs] = [Date.parse(from + suffix), Date.parse(to + suffix)];
  const isFine = fromMs < toMs;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isFine) return;
    write({ from: writeTime(fromMs), to: writeTime(toMs) });
    onDone();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <TextInput
          type="datetime-local"
          size="xs"
          label="From"
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
          data-autofocus
        />
        <TextInput
          type="datetime-local"
          size="xs"
          label="To"
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
          error={from && to && !isFine ? "Has to be after From" : null}
        />
        <Text size="xs" c="dimmed">
          Times in {zoneName(zone)}
        </Text>
        <Button type="submit" size="xs" disabled={!isFine}>
          Show
        </Button>
      </Stack>
    </form>
  );
}

/** A time as an input of the browser wants it, in the zone that times are told in. */
function inputText(ms: number | undefined, zone: "utc" | "local"): string {
  if (ms === undefined) return "";
  const shiftMs = zone === "utc" ? 0 : new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - shiftMs).toISOString().slice(0, 16);
}
