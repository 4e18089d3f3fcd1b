import { useCallback } from "react";
import { useSearchParams } from "react-router";

type Change = Record<string, string | number | null | undefined>;

/** What is chosen on a page lives in its address, so that it can be kept, sent and gone back to. */
export function useUrlState(): [(name: string) => string | null, (change: Change) => void] {
  const [parameters, setParameters] = useSearchParams();
  const read = useCallback((name: string) => parameters.get(name), [parameters]);
  const write = useCallback(
    (change: Change) =>
      setParameters(
        (before) => {
          const after = new URLSearchParams(before);
          for (const [name, value] of Object.entries(change)) {
            if (value == null || value === "") after.delete(name);
            else after.set(name, String(value));
          }
          return after;
        },
        { replace: true },
      ),
    [setParameters],
  );
  return [read, write];
}

/** Return *value* where it is one of *known*, else *fallback*: addresses are typed by people, too. */
export function oneOf<T extends string>(known: readonly T[], value: string | null, fallback: T): T {
  return known.find((one) => one === value) ?? fallback;
}
