import { useHotkeys } from "@mantine/hooks";
import {
  Spotlight,
  type SpotlightActionData,
  type SpotlightActionGroupData,
  spotlight,
} from "@mantine/spotlight";
import { IconChartCandle, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type NavigateFunction, useNavigate } from "react-router";
import { queries } from "@/api/queries";
import type { SymbolRow } from "@/api/types";
import { useIsSimulated } from "./Nav";
import { pages } from "./pages";

/** Ctrl-K: any page, any symbol. */
export function Palette() {
  const go = useNavigate();
  // In fields, too, where "/" is a letter like any other.
  useHotkeys([["mod+K", spotlight.toggle]], []);
  const isSimulated = useIsSimulated();
  const { data } = useQuery({ ...queries.symbols(), select: namesOf });
  const actions: SpotlightActionGroupData[] = [
    { group: "Pages", actions: pageActions(go, isSimulated) },
    { group: "Charts", actions: symbolActions(go, data ?? []) },
  ];
  return (
    <Spotlight
      actions={actions}
      shortcut="/"
      nothingFound="Nothing is called that"
      highlightQuery
      limit={12}
      scrollable
      maxHeight={420}
      searchProps={{
        leftSection: <IconSearch size={18} />,
        placeholder: "A page or a symbol",
        "aria-label": "Search",
      }}
    />
  );
}

function pageActions(go: NavigateFunction, isSimulated: boolean): SpotlightActionData[] {
  return pages.flatMap(({ path, name, icon: Drawn, words }) =>
    name && Drawn && (path !== "/simulator" || isSimulated)
      ? [
          {
            id: path,
            label: name,
            keywords: words,
            leftSection: <Drawn size={18} />,
            onClick: () => void go(path),
          },
        ]
      : [],
  );
}

/** Names alone, which stay the same while prices move: nothing here renders again then. */
function namesOf({ symbols }: { symbols: readonly SymbolRow[] }): string[] {
  return [...new Set(symbols.map((one) => one.symbol))];
}

function symbolActions(go: NavigateFunction, symbols: readonly string[]): SpotlightActionData[] {
  return symbols.map((symbol) => ({
    id: `chart-${symbol}`,
    label: symbol,
    description: "Chart",
    leftSection: <IconChartCandle size={18} />,
    onClick: () => void go(`/analytics?symbol=${symbol}`),
  }));
}
