import { Button, Stack } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconChartCandle, IconSearchOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { Link } from "react-router";
import { useRefresh } from "@/api/live";
import { queries } from "@/api/queries";
import type { Card, Dashboard } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { PageHeader } from "@/components/PageHeader";
import { Time } from "@/components/Time";
import { Welcome } from "@/components/Welcome";
import { useFavourites } from "@/lib/preferences";
import { oneOf, useUrlState } from "@/lib/urlState";
import { arrange, ORDERS, type Order } from "./arrange";
import { OverviewPanel } from "./OverviewPanel";
import { summarise } from "./overview";
import { Symbols } from "./Symbols";
import { Toolbar, type View } from "./Toolbar";

/** The dashboard: each tracked symbol with its price, its day and how fresh that is. */
export function Component() {
  const query = useQuery({ ...queries.dashboard(), refetchInterval: useRefresh() });
  return (
    <>
      <PageHeader
        title="Dashboard"
        about={
          query.data && (
            <>
              Prices are those of the forming candles, as of <Time ms={query.data.now_ms} to="clock" />.
            </>
          )
        }
      />
      <Loaded
        query={query}
        isEmpty={(data) => data.symbols.length === 0}
        empty={<NothingTracked />}
        lines={8}
      >
        {(data) => <Market dashboard={data} />}
      </Loaded>
    </>
  );
}

function NothingTracked() {
  return (
    <EmptyState
      icon={IconChartCandle}
      title="No symbol is tracked yet"
      action={
        <Button component={Link} to="/start" mt="sm">
          Get started
        </Button>
      }
    >
      Choose which markets Candlehouse should keep, and how much of their history. It collects from then on.
    </EmptyState>
  );
}

function Market({ dashboard }: { dashboard: Dashboard }) {
  const [read, write] = useUrlState();
  const [favourites, toggle] = useFavourites();
  const quotes = useQuotes();
  const isNarrow = useMediaQuery("(max-width: 36em)") ?? false;
  const order = oneOf(ORDERS, read("order"), "symbol");
  const down = read("down") === "1";
  const view = oneOf<View>(["table", "cards"], read("view"), isNarrow ? "cards" : "table");
  const search = read("search") ?? "";
  const only = read("only") === "favourites";
  const cards = useDeferredValue(arrange(dashboard.symbols, { order, down, search, favourites, only }));
  const sort = (by: Order) => write({ order: by, down: by === order && !down ? "1" : null });
  return (
    <Stack gap="md">
      <Welcome />
      <OverviewPanel
        overview={summarise(dashboard.symbols, quotes)}
        quote={quotes.get(first(dashboard.symbols)) ?? null}
      />
      <div>
        <Toolbar search={search} order={order} view={view} only={only} change={write} />
        {cards.length === 0 ? (
          <EmptyState icon={IconSearchOff} title={only ? "No favourites here" : "No symbol is called that"}>
            {only
              ? "Press the star beside a symbol to keep it here."
              : `Nothing that is tracked holds “${search}”.`}
          </EmptyState>
        ) : (
          <Symbols {...{ cards, view, favourites, toggle, order, down, sort }} />
        )}
      </div>
    </Stack>
  );
}

function first(cards: readonly Card[]): string {
  return cards[0]?.symbol ?? "";
}

/** The asset in which each symbol is priced, as far as the exchange was asked. */
function useQuotes(): ReadonlyMap<string, string | null> {
  const { data } = useQuery({ ...queries.symbols(), staleTime: 5 * 60_000 });
  return new Map(data?.symbols.map((one) => [one.symbol, one.quote_asset]));
}
