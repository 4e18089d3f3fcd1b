import { Alert, Anchor, Table, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Lineage } from "@/api/types";
import { count, exact } from "@/lib/format";
import { Facts, Section } from "./Facts";
import classes from "./Facts.module.css";
import { ObjectFacts } from "./ObjectFacts";
import { Prose } from "./Prose";
import { Time } from "./Time";

/** All that is known of a candle: its values, the object and request it came by, what it fed, what it was before. */
export function LineageFacts({ lineage }: { lineage: Lineage }) {
  return (
    <div className={classes.facts}>
      {lineage.candle ? <Values candle={lineage.candle} /> : <Absent lineage={lineage} />}
      {lineage.object && <ObjectFacts object={lineage.object} />}
      {lineage.rollups.length > 0 && (
        <Rollups
          title={lineage.candle ? "What it fed" : "What its time is rolled up to"}
          rollups={lineage.rollups}
        />
      )}
      {lineage.candle && <Versions versions={lineage.earlier_versions} />}
    </div>
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

function Rollups({ title, rollups }: { title: string; rollups: Lineage["rollups"] }) {
  return (
    <Section title={title}>
      <ul className={classes.rollups}>
        {rollups.map((one) => (
          <li key={one.length}>
            {one.length} of <Time ms={one.start_ms} />: {count(one.candle_count)} candles,{" "}
            {one.sealed_at_ms === null ? (
              "not sealed yet"
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
