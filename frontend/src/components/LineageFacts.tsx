import { Alert, Anchor, Code, CopyButton, Table, Text, Title, UnstyledButton } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Lineage } from "@/api/types";
import { bytes, count, exact } from "@/lib/format";
import classes from "./LineageFacts.module.css";
import { Prose } from "./Prose";
import { Time } from "./Time";

/** All that is known of a candle: its values, the object and request it came by, what it fed, what it was before. */
export function LineageFacts({ lineage }: { lineage: Lineage }) {
  return (
    <div className={classes.facts}>
      {lineage.candle ? <Values candle={lineage.candle} /> : <Absent lineage={lineage} />}
      {lineage.object && <Source object={lineage.object} />}
      {lineage.rollups.length > 0 && <Rollups rollups={lineage.rollups} />}
      {lineage.candle && <Versions versions={lineage.earlier_versions} />}
    </div>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <Title order={3} size="h6" mb={4}>
        {title}
      </Title>
      {children}
    </section>
  );
}

function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={classes.list}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

function Absent({ lineage }: { lineage: Lineage }) {
  return (
    <Alert color="yellow" variant="light" title="There is no candle">
      <Text size="sm">
        <Prose text={lineage.why_not ?? ""} />
      </Text>
      <Anchor component={Link} size="sm" to={`/data?symbol=${lineage.symbol}&interval=${lineage.interval}`}>
        {lineage.gap_id === null ? "See what is held" : `See gap ${lineage.gap_id} and what is held`}
      </Anchor>
    </Alert>
  );
}

function Values({ candle }: { candle: NonNullable<Lineage["candle"]> }) {
  return (
    <Section title="As it is stored">
      <Facts
        facts={[
          ["Open", exact(candle.open_price)],
          ["High", exact(candle.high_price)],
          ["Low", exact(candle.low_price)],
          ["Close", exact(candle.close_price)],
          ["Volume", exact(candle.volume)],
          ["Quote volume", exact(candle.quote_volume)],
          ["Taker bought", exact(candle.taker_buy_volume)],
          ["Trades", count(Number(candle.trade_count))],
          ["Closed", `${candle.close_time.replace("T", " ")} UTC`],
        ]}
      />
    </Section>
  );
}

function Source({ object }: { object: NonNullable<Lineage["object"]> }) {
  const { request } = object;
  return (
    <>
      <Section title="The object it came in">
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
    </>
  );
}

type Request = NonNullable<NonNullable<Lineage["object"]>["request"]>;

function addressOf({ url, params }: Request): string {
  const query = new URLSearchParams(Object.entries(params).map(([name, value]) => [name, String(value)]));
  return `${url}?${query}`;
}

function Copied({ text }: { text: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <UnstyledButton onClick={copy} className={classes.copied} title="Copy">
          <Code className={classes.code}>{text}</Code>
          <span role="status" className={copied ? classes.told : "ch-unseen"}>
            {copied ? "copied" : ""}
          </span>
        </UnstyledButton>
      )}
    </CopyButton>
  );
}

function Rollups({ rollups }: { rollups: Lineage["rollups"] }) {
  return (
    <Section title="What it fed">
      <ul className={classes.rollups}>
        {rollups.map((one) => (
          <li key={one.length}>
            {one.length} of <Time ms={one.start_ms} />: {count(one.candle_count)} candles,{" "}
            {one.sealed_at_ms === null ? (
              "still open"
            ) : (
              <>
                sealed <Time ms={one.sealed_at_ms} />
              </>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Versions({ versions }: { versions: Lineage["earlier_versions"] }) {
  if (versions.length === 0) {
    return (
      <Text size="xs" c="dimmed">
        The exchange has never sent it otherwise.
      </Text>
    );
  }
  return (
    <Section title="As known before">
      <Table aria-label="Earlier versions">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Known</Table.Th>
            <Table.Th ta="right">Close</Table.Th>
            <Table.Th ta="right">Volume</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {versions.map((one) => (
            <Table.Tr key={one.known_from_ms}>
              <Table.Td>
                <Time ms={one.known_from_ms} to="second" /> until <Time ms={one.known_until_ms} to="second" />
              </Table.Td>
              <Table.Td ta="right">{exact(one.close_price)}</Table.Td>
              <Table.Td ta="right">{exact(one.volume)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  );
}
