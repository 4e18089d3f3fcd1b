import { PageHeader } from "@/components/PageHeader";
import { useUrlState } from "@/lib/urlState";
import { Arriving } from "./Arriving";
import { Choose } from "./Choose";

/** Get started: choose, see what it takes, start, and watch it arrive; the address keeps the batch. */
export function Component() {
  const [read, write] = useUrlState();
  const batch = Number(read("batch"));
  const isArriving = Number.isSafeInteger(batch) && batch > 0;
  return (
    <>
      <PageHeader
        title="Get started"
        about="Candlehouse keeps a complete, provable history of crypto market data on this machine: it fetches candles from the exchange, checks them, finds and heals what is missing. Choose what to begin with; everything can be changed and added to later."
      />
      {isArriving ? (
        <Arriving id={batch} onMore={() => write({ batch: null })} />
      ) : (
        <Choose onStarted={(id) => write({ batch: id })} />
      )}
    </>
  );
}
