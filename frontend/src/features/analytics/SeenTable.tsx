import { useState } from "react";
import type { Interval } from "@/api/types";
import { Price } from "@/components/Amounts";
import { DataTable } from "@/components/DataTable";
import { compact, count } from "@/lib/format";
import { useZone } from "@/lib/preferences";
import classes from "./Analytics.module.css";
import { slotTime } from "./Legend";
import type { Span } from "./pages";
import { type Drawn, holeAt, placeOf, type Slot } from "./slots";
import { type Store, useStore } from "./store";

type Props = { seen: Store<Span | null>; drawn: Drawn; interval: Interval; symbol: string };

const ROWS = 20;

/** The newest candles in view as a table, for those to whom a picture says nothing. */
export function SeenTable(props: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className={classes.seen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The last {ROWS} candles in view, as a table</summary>
      {isOpen && <Rows {...props} />}
    </details>
  );
}

function Rows({ seen, drawn: { slots, holes }, interval, symbol }: Props) {
  const span = useStore(seen);
  const [zone] = useZone();
  const end = span ? placeOf(slots, span.toMs) + 1 : slots.length;
  const rows = slots.slice(Math.max(0, end - ROWS), end).reverse();
  const about = (slot: Slot) => {
    const hole = holeAt(holes, interval, slot.ms);
    if (!slot.candle) return hole ? `missing: ${hole.why}` : "missing";
    if (slot.isForming) return "still forming";
    if (!slot.candle.complete) return hole ? `not whole: ${hole.why}` : "not whole";
    return slot.isRestated ? "amended by the exchange" : "";
  };
  const amount = (of: "open" | "high" | "low" | "close") => (slot: Slot) => (
    <Price amount={slot.candle?.[of]} />
  );
  return (
    <DataTable
      label={`Candles of ${symbol}, ${interval}`}
      rows={rows}
      rowKey={(slot) => slot.ms}
      columns={[
        { id: "time", title: "Opens", cell: (slot) => slotTime(slot, interval, zone) },
        { id: "open", title: "Open", cell: amount("open"), align: "right" },
        { id: "high", title: "High", cell: amount("high"), align: "right" },
        { id: "low", title: "Low", cell: amount("low"), align: "right" },
        { id: "close", title: "Close", cell: amount("close"), align: "right" },
        { id: "volume", title: "Volume", cell: (slot) => compact(slot.candle?.volume), align: "right" },
        { id: "trades", title: "Trades", cell: (slot) => count(slot.candle?.trade_count), align: "right" },
        { id: "about", title: "State", cell: about },
      ]}
    />
  );
}
