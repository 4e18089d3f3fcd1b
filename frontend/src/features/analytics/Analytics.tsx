import { Button, Select } from "@mantine/core";
import { IconChartCandle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link } from "react-router";
import { queries } from "@/api/queries";
import type { Interval, SymbolRow } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { LineageDrawer } from "@/components/LineageDrawer";
import { Loaded } from "@/components/Loaded";
import { PageHeader } from "@/components/PageHeader";
import { Panel } from "@/components/Panel";
import { nextOpen } from "@/lib/interval";
import { useUrlState } from "@/lib/urlState";
import classes from "./Analytics.module.css";
import { ChartPanel } from "./ChartPanel";
import { OrderBookPanel } from "./OrderBookPanel";
import { StatsStrip } from "./StatsStrip";
import { digitsOf, storedOf } from "./series";
import { readView, type View } from "./view";

/** One symbol from close by: its candles with what they tell, its order book, and where each candle came from. */
export function Component() {
  const query = useQuery(queries.symbols());
  const [read] = useUrlState();
  const view = useMemo(() => readView(read), [read]);
  const symbols = query.data?.symbols ?? [];
  return (
    <>
      <PageHeader
        title="Analytics"
        actions={symbols.length > 0 && <SymbolPicker symbols={symbols} chosen={chosenOf(symbols, view)} />}
      />
      <Loaded query={query} isEmpty={(data) => data.symbols.length === 0} empty={<NothingYet />}>
        {(data) => <OfSymbol symbols={data.symbols} view={view} />}
      </Loaded>
    </>
  );
}

/** The symbol that the address names, else the first one that has candles; the name where it is not known. */
function chosenOf(symbols: readonly SymbolRow[], view: View): SymbolRow | string {
  if (view.symbol) return symbols.find((one) => one.symbol === view.symbol) ?? view.symbol;
  const first = symbols.find((one) => one.tracked && one.series.some((series) => series.candles > 0));
  return first ?? symbols[0] ?? "";
}

/** A candle that was chosen, with the interval it was shown in. */
type Picked = { symbol: string; interval: Interval; openMs: number; endMs: number };
type Props = { symbols: readonly SymbolRow[]; view: View };

function OfSymbol({ symbols, view }: Props) {
  const [picked, setPicked] = useState<Picked | null>(null);
  const [bookAt, setBookAt] = useState<Picked | null>(null);
  const symbol = chosenOf(symbols, view);
  if (typeof symbol === "string") return <Unknown name={symbol} />;
  const name = symbol.symbol;
  const bookMs = bookAt?.symbol === name ? bookAt.endMs - 1 : null;
  return (
    <>
      <StatsStrip symbol={name} />
      <div className={classes.page}>
        <ChartPanel
          {...{ symbols, symbol, view }}
          onPick={(openMs) => {
            const { interval } = view;
            setPicked({ symbol: name, interval, openMs, endMs: nextOpen(interval, openMs) });
          }}
        />
        <OrderBookPanel symbol={name} digits={digitsOf(symbol)} atMs={bookMs} onNow={() => setBookAt(null)} />
      </div>
      <LineageDrawer
        symbol={name}
        interval={picked?.interval ?? view.interval}
        openMs={picked?.symbol === name ? picked.openMs : null}
        stored={storedOf(symbol)}
        onClose={() => setPicked(null)}
      >
        <Button
          size="xs"
          variant="default"
          onClick={() => {
            setBookAt(picked);
            setPicked(null);
          }}
        >
          Show the order book of then
        </Button>
      </LineageDrawer>
    </>
  );
}

function SymbolPicker({ symbols, chosen }: { symbols: readonly SymbolRow[]; chosen: SymbolRow | string }) {
  const [, write] = useUrlState();
  return (
    <Select
      aria-label="Symbol"
      w={180}
      searchable
      limit={50}
      nothingFoundMessage="Not kept here"
      value={typeof chosen === "string" ? null : chosen.symbol}
      placeholder="Choose a symbol"
      data={symbols.map((one) => one.symbol)}
      onChange={(symbol) => write({ symbol, from: null, to: null })}
    />
  );
}

function NothingYet() {
  return (
    <Panel title="Chart">
      <EmptyState
        icon={IconChartCandle}
        title="No symbols yet"
        action={
          <Button component={Link} to="/start" mt="xs">
            Get started
          </Button>
        }
      >
        Choose symbols and how much history to fetch; their candles appear here as they are loaded.
      </EmptyState>
    </Panel>
  );
}

function Unknown({ name }: { name: string }) {
  return (
    <Panel title="Chart">
      <EmptyState icon={IconChartCandle} title={`${name} is not kept here`}>
        Choose another symbol above, or add it in the <Link to="/settings">settings</Link>.
      </EmptyState>
    </Panel>
  );
}
