import { Group, SegmentedControl, Select, TextInput, Tooltip } from "@mantine/core";
import { IconLayoutGrid, IconSearch, IconStar, IconTable } from "@tabler/icons-react";
import { ORDERS, type Order } from "./arrange";

const ORDER_WORDS: Record<Order, string> = {
  symbol: "Symbol",
  price: "Price",
  change: "24-hour change",
  volume: "Volume",
  range: "Day's range",
  freshness: "Freshness",
};

export type View = "table" | "cards";

type Props = {
  search: string;
  order: Order;
  view: View;
  only: boolean;
  change: (change: Record<string, string | null>) => void;
};

/** How the symbols are shown; all of it is in the page's address. */
export function Toolbar({ search, order, view, only, change }: Props) {
  return (
    <Group gap="xs" mb="sm">
      <TextInput
        value={search}
        onChange={(event) => change({ search: event.currentTarget.value })}
        placeholder="Find a symbol"
        aria-label="Find a symbol"
        leftSection={<IconSearch size={16} />}
        w={{ base: "100%", xs: 190 }}
      />
      <Select
        aria-label="Order"
        value={order}
        data={ORDERS.map((value) => ({ value, label: ORDER_WORDS[value] }))}
        onChange={(value) => change({ order: value, down: value === "symbol" ? null : "1" })}
        w={150}
      />
      <SegmentedControl
        aria-label="Which symbols"
        value={only ? "favourites" : "all"}
        onChange={(value) => change({ only: value === "all" ? null : value })}
        data={[
          { value: "all", label: "All" },
          { value: "favourites", label: <Labelled icon={<IconStar size={15} />} label="Favourites" /> },
        ]}
      />
      <SegmentedControl
        aria-label="Table or cards"
        value={view}
        onChange={(value) => change({ view: value })}
        data={[
          { value: "table", label: <Labelled icon={<IconTable size={15} />} label="Table" /> },
          { value: "cards", label: <Labelled icon={<IconLayoutGrid size={15} />} label="Cards" /> },
        ]}
      />
    </Group>
  );
}

function Labelled({ icon, label }: { icon: React.ReactNode; label: string }) {
  return (
    <Tooltip label={label}>
      <span style={{ display: "flex", alignItems: "center", height: "1.3rem" }}>
        {icon}
        <span className="ch-unseen">{label}</span>
      </span>
    </Tooltip>
  );
}
