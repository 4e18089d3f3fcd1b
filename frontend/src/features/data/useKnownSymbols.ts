import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";

/** The symbols of which something is kept; none while nobody has said. */
export function useKnownSymbols(): ReadonlySet<string> {
  const { data } = useQuery({ ...queries.symbolsStatus(), staleTime: 60_000 });
  return new Set(data?.series.map((one) => one.symbol));
}
