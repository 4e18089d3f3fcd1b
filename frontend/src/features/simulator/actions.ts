import { client, take } from "@/api/client";
import { useAction } from "@/api/operator";
import { keys } from "@/api/queries";

const STALE = [keys.faults, keys.health];

export function useThrow() {
  return useAction({
    act: (spec: string) => take(client.POST("/api/simulator/faults", { body: { spec } })),
    makesStale: STALE,
    told: (_, spec) => `On the dial: ${spec}`,
  });
}

/** Take one fault off the dial, or all of them. */
export function useTakeOff() {
  return useAction({
    act: (id: number | null) =>
      take(
        id === null
          ? client.DELETE("/api/simulator/faults")
          : client.DELETE("/api/simulator/faults/{id}", { params: { path: { id } } }),
      ),
    makesStale: STALE,
  });
}

export function useChangeMarket() {
  return useAction({
    act: (spec: string) => take(client.POST("/api/simulator/market", { body: { spec } })),
    makesStale: [keys.market],
    told: (_, spec) => `The market has changed: ${spec}`,
  });
}

export function useTakeBack() {
  return useAction({
    act: (id: number) => take(client.DELETE("/api/simulator/market/{id}", { params: { path: { id } } })),
    makesStale: [keys.market],
  });
}
