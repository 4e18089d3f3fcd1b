import { useCallback, useEffect } from "react";
import { useSearchParams } from "react-router";

type Change = Record<string, string | number | null | undefined>;

// What was written last, until the address says so: two changes in one go must not lose the first.
let underWay: URLSearchParams | null = null;

/** What is chosen on a page lives in its address, so that it can be kept, sent and gone back to. */
export function useUrlState(): [(name: string) => string | null, (change: Change) => void] {
  const [parameters, setParameters] = useSearchParams();
  const read = useCallback((name: string) => parameters.get(name), [parameters]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever the address has changed, it has caught up
  useEffect(() => {
    underWay = null;
  }, [parameters]);
  const write = useCallback(
    (change: Change) => {
      const after = new URLSearchParams(underWay ?? parameters);
      for (const [name, value] of Object.entries(change)) {
        if (value == null || value === "") after.delete(name);
        else after.set(name, String(value));
      }
      underWay = after;
      setParameters(after, { replace: true });
    },
    [parameters, setParameters],
  );
  return [read, write];
}

/** Return *value* where it is one of *known*, else *fallback*: addresses are typed by people, too. */
export function oneOf<T extends string>(known: readonly T[], value: string | null, fallback: T): T {
  return known.find((one) => one === value) ?? fallback;
}
