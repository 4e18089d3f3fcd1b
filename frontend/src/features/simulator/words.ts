import type { components } from "@/api/schema";

type Fault = components["schemas"]["FaultOut"];

/** What a fault is set to, as it is written: `path=klines, 3 times`. */
export function settingsOf(fault: Fault): string {
  const parts = [
    fault.path && `calls of ${fault.path}`,
    fault.symbol && `for ${fault.symbol}`,
    fault.client && `from ${fault.client}`,
    fault.count !== null && `${fault.count} times`,
    fault.seconds !== null && `for ${fault.seconds} s`,
    fault.probability < 1 && `one in ${Math.round(1 / fault.probability)}`,
    fault.retry_after !== null && `Retry-After ${fault.retry_after} s`,
    fault.status !== null && `status ${fault.status}`,
    fault.delay !== null && `${fault.delay} s late`,
  ];
  return parts.filter(Boolean).join(", ");
}
