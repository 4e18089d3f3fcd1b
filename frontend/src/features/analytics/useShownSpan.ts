import { useCallback, useEffect, useRef, useState } from "react";
import { useUrlState } from "@/lib/urlState";
import type { Span } from "./pages";
import { spanOf, type View, writeTime } from "./view";

const SETTLE_MS = 600;

/**
 * Return the span that a view shows, and what takes note of one that a person has moved to: it goes into the
 * address, and does not move the chart again from there. *firstMs* is where history begins.
 */
export function useShownSpan(view: View, symbol: string, firstMs: number): [Span, (seen: Span) => void] {
  const [, write] = useUrlState();
  const [own, setOwn] = useState<string | null>(null);
  const settle = useRef<ReturnType<typeof setTimeout>>(undefined);
  const chart = `${symbol} ${view.interval} ${view.range}`;
  const hand = view.hand && keyOf(view.hand);
  const choose = () => ({ chart, hand, span: view.hand ?? spanOf(view.range, firstMs, Date.now()) });
  const [shown, setShown] = useState(choose);
  if (shown.chart !== chart || (shown.hand !== hand && hand !== own)) setShown(choose());
  else if (shown.hand !== hand) setShown({ ...shown, hand });

  useEffect(() => () => clearTimeout(settle.current), []);
  const note = useCallback(
    (seen: Span) => {
      clearTimeout(settle.current);
      settle.current = setTimeout(() => {
        const [from, to] = [writeTime(seen.fromMs), writeTime(seen.toMs)];
        setOwn(keyOf({ fromMs: Date.parse(from), toMs: Date.parse(to) }));
        write({ from, to });
      }, SETTLE_MS);
    },
    [write],
  );
  return [shown.span, note];
}

const keyOf = ({ fromMs, toMs }: Span) => `${fromMs} ${toMs}`;
