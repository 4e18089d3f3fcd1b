import { Alert } from "@mantine/core";
import { IconCloudOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { messageOf } from "@/api/problem";
import { queries } from "@/api/queries";

const AGAIN_MS = 15_000;

/** Says that the exchange cannot be asked, and what to do; nothing while it can. */
export function ExchangeAway() {
  const { data, error } = useQuery({
    ...queries.exchangeSymbols("", 5_000),
    refetchInterval: ({ state }) => (state.data?.is_complete && !state.error ? false : AGAIN_MS),
  });
  if (!error && data?.is_complete !== false) return null;
  return (
    <Alert
      color="yellow"
      variant="light"
      icon={<IconCloudOff size={18} />}
      title="The exchange cannot be reached at the moment"
      role="status"
    >
      {error ? `${messageOf(error)} ` : ""}
      Look at this machine's connection to the Internet, and whether the exchange is to be reached from your
      country; <code>BINANCE_BASE_URL</code> names another of its hosts. This page looks again by itself. To
      try Candlehouse without any network, run <code>./candlehouse demo</code>.
    </Alert>
  );
}
