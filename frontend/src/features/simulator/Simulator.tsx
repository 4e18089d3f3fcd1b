import { Stack } from "@mantine/core";
import { IconFlaskOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { queries } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { Loaded } from "@/components/Loaded";
import { PageHeader } from "@/components/PageHeader";
import { FaultDial } from "./FaultDial";
import { Healing } from "./Healing";
import { MarketChanges } from "./MarketChanges";

const EVERY_MS = 2_000; // counts on the dial move with each call

/** Break the simulated exchange, and watch Candlehouse heal. */
export function Component() {
  const query = useQuery({ ...queries.faults(), refetchInterval: EVERY_MS });
  return (
    <>
      <PageHeader
        title="Simulator"
        about="The exchange is a simulator. Throw a fault at Candlehouse, or change the market, and watch what comes of it."
      />
      <Loaded query={query} isEmpty={(data) => !data.is_simulator} empty={<RealExchange />}>
        {(data) => (
          <Stack gap="md">
            <Healing />
            <FaultDial faults={data.faults} />
            <MarketChanges />
          </Stack>
        )}
      </Loaded>
    </>
  );
}

function RealExchange() {
  return (
    <EmptyState icon={IconFlaskOff} title="The exchange is a real one">
      Faults can be thrown where Candlehouse collects from its simulator: <code>./candlehouse demo</code>{" "}
      starts both.
    </EmptyState>
  );
}
