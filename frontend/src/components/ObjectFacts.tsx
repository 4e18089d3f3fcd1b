import { Anchor, Code, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { queries } from "@/api/queries";
import type { SourceObject } from "@/api/types";
import { bytes, count } from "@/lib/format";
import { Copied, Facts, Section } from "./Facts";
import classes from "./Facts.module.css";
import { Loaded } from "./Loaded";
import { Time } from "./Time";

/** A raw object: where it lies, what was asked for it, and what the exchange answered. */
export function ObjectFacts({ object }: { object: SourceObject }) {
  const { request } = object;
  return (
    <>
      <Section title="The object">
        {object.problem && (
          <Text size="sm" c="var(--ch-warning)">
            It cannot be opened: {object.problem}.
          </Text>
        )}
        <Facts
          facts={[
            ["Key", object.key && <Copied text={object.key} />],
            ["Bucket", object.bucket && `${object.bucket}, ${object.state}`],
            ["SHA-256", object.sha256 && <Copied text={object.sha256} />],
            ["Size", object.size_bytes === null ? null : bytes(object.size_bytes)],
            ["Place in the answer", object.row === null ? null : `candle ${count(object.row + 1)}`],
            ["Captured", <Time key="time" ms={object.captured_ms} to="second" />],
            ["Loaded", <Time key="time" ms={object.loaded_ms} to="second" />],
            [
              "Fetched by",
              object.run_id === null ? (
                "the cycle of that time"
              ) : (
                <Anchor key="run" component={Link} size="sm" to={`/runs/${object.run_id}`}>
                  run {object.run_id}
                </Anchor>
              ),
            ],
          ]}
        />
      </Section>
      {request && (
        <Section title="The request">
          <Copied text={addressOf(request)} />
          <Facts
            facts={[
              ["Weight", count(request.weight)],
              ["By the exchange's clock", <Time key="time" ms={object.exchange_time_ms} to="second" />],
            ]}
          />
        </Section>
      )}
      {object.key && !object.problem && <Answer objectKey={object.key} />}
    </>
  );
}

type Request = NonNullable<SourceObject["request"]>;

function addressOf({ url, params }: Request): string {
  const query = new URLSearchParams(Object.entries(params).map(([name, value]) => [name, String(value)]));
  return `${url}?${query}`;
}

/** More than this nobody reads here; the whole is a press away. */
const MOST_SHOWN = 4_000;

/** The exchange's own words, asked for once somebody wants to see them. */
function Answer({ objectKey }: { objectKey: string }) {
  const [isOpen, { toggle }] = useDisclosure();
  return (
    <Section title="The answer">
      <UnstyledButton onClick={toggle} aria-expanded={isOpen} className={classes.toggle}>
        {isOpen ? "Hide what the exchange answered" : "Show what the exchange answered"}
      </UnstyledButton>
      {isOpen && <AnswerText objectKey={objectKey} />}
    </Section>
  );
}

function AnswerText({ objectKey }: { objectKey: string }) {
  const query = useQuery(queries.answer(objectKey));
  return (
    <Loaded query={query} lines={3}>
      {(text) => (
        <>
          <Code block className={classes.answer} tabIndex={0} aria-label="The exchange's answer">
            {text.slice(0, MOST_SHOWN)}
          </Code>
          {text.length > MOST_SHOWN && (
            <Text size="xs" c="dimmed">
              The first {count(MOST_SHOWN)} of {count(text.length)} characters, byte for byte.
            </Text>
          )}
        </>
      )}
    </Loaded>
  );
}
