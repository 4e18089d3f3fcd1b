import { Button, Group, Skeleton, Text } from "@mantine/core";
import { IconBook } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Problem } from "@/api/problem";
import { queries } from "@/api/queries";
import type { OrderBook } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { Figure } from "@/components/Figure";
import { Loaded } from "@/components/Loaded";
import { Panel } from "@/components/Panel";
import { Time } from "@/components/Time";
import { exact } from "@/lib/format";
import { Ladder } from "./Ladder";
import classes from "./OrderBook.module.css";

const DepthChart = lazy(() => import("./DepthChart"));
const LEVELS = 20;
/** Books are captured more often than candles close, and no event tells of one. */
const BOOK_EVERY_MS = 5_000;

type Props = {
  symbol: string;
  digits: number;
  /** Show the book as it was then; null: as it is now. */
  atMs: number | null;
  onNow: () => void;
};

/** Who would buy and sell at which price: the levels, all of them added up, and which side weighs more. */
export function OrderBookPanel({ symbol, digits, atMs, onNow }: Props) {
  const query = useQuery({
    ...queries.orderBook(symbol, { levels: LEVELS, at: atMs ?? undefined }),
    refetchInterval: atMs === null && BOOK_EVERY_MS,
    // Until the book of that moment is there the other one stays; never one of another symbol.
    placeholderData: (before, query) =>
      query?.queryKey[1] === symbol ? keepPreviousData(before) : undefined,
  });
  const isNone = query.data === undefined && query.error instanceof Problem && query.error.status === 404;
  return (
    <Panel
      title="Order book"
      about={atMs === null ? "The newest one captured" : <>The last one captured before a candle closed</>}
      actions={
        atMs !== null && (
          <Button size="compact-xs" variant="light" onClick={onNow}>
            Back to now
          </Button>
        )
      }
    >
      {isNone ? (
        <EmptyState
          icon={IconBook}
          title={atMs === null ? "No order book is kept yet" : "None is kept of then"}
        >
          Books of tracked symbols are captured while the scheduler runs; they cannot be fetched afterwards.
        </EmptyState>
      ) : (
        <Loaded query={query} lines={14}>
          {(book) => <Book book={book} digits={digits} />}
        </Loaded>
      )}
    </Panel>
  );
}

function Book({ book, digits }: { book: OrderBook; digits: number }) {
  return (
    <>
      <Text size="xs" c="dimmed" mb={6}>
        Captured <Time ms={book.captured_ms} to="second" /> (<Time ms={book.captured_ms} relative />)
      </Text>
      <Group grow gap="sm" mb="xs" align="flex-start">
        <Figure
          label="Spread"
          value={<span className="ch-num">{exact(book.spread)}</span>}
          about={book.spread_bps === null ? "a side is empty" : `${book.spread_bps.toFixed(2)} bps`}
        />
        <Figure
          label="Imbalance"
          value={<span className="ch-num">{imbalanceText(book.imbalance)}</span>}
          about={imbalanceWords(book.imbalance)}
        />
      </Group>
      <Imbalance value={book.imbalance} />
      <Ladder book={book} digits={digits} />
      <Suspense fallback={<Skeleton height={170} mt="sm" />}>
        <DepthChart book={book} />
      </Suspense>
    </>
  );
}

/** `+0.18`: more bid; `−0.18`: more asked. */
export function imbalanceText(value: number | null): string {
  if (value === null) return "–";
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
}

export function imbalanceWords(value: number | null): string {
  if (value === null) return "nothing is offered";
  if (Math.abs(value) < 0.05) return "both sides weigh alike";
  return value > 0 ? "more is bid" : "more is asked";
}

function Imbalance({ value }: { value: number | null }) {
  if (value === null) return null;
  return (
    <div className={classes.balance} aria-hidden>
      <div style={{ width: `${((value + 1) / 2) * 100}%` }} />
    </div>
  );
}
