import { QueryClient } from "@tanstack/react-query";
import { Problem } from "@/api/problem";

/** A cache whose data is fresh until an event says otherwise; what may pass by itself is tried again. */
export function makeCache(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        gcTime: 10 * 60_000,
        networkMode: "always", // the API is often on this machine: no internet is no reason not to ask
        retry: (failures, error) => failures < 2 && !(error instanceof Problem && error.status < 500),
        retryDelay: 1_000,
      },
      mutations: { networkMode: "always" },
    },
  });
}
