import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useOperator } from "@/api/operator";
import { queries } from "@/api/queries";
import type { HistoryWanted } from "@/api/types";

const SETTLE_MS = 400;

/**
 * Plan *wanted* once it has stood for a moment; one that is overtaken is called off. Null is nothing chosen yet.
 * `isSettled` tells whether what `query` holds is the plan of *wanted*, and not of the choice before.
 */
export function usePlan(wanted: HistoryWanted | null) {
  const { isOperator } = useOperator();
  const asked = JSON.stringify(wanted);
  const [settled] = useDebouncedValue(asked, SETTLE_MS);
  const history: HistoryWanted | null = JSON.parse(settled);
  const query = useQuery({
    ...queries.plan(history ?? { start: 0 }),
    enabled: isOperator && history !== null,
  });
  const isSettled = asked === settled && history !== null && !query.isPlaceholderData && !query.isFetching;
  return { query, isSettled, isOperator };
}
