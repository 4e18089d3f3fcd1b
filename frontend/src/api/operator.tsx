/** Who may act. Reading needs nothing of this; whatever changes something asks for the operator's token once. */
import { notifications } from "@mantine/notifications";
import {
  type QueryKey,
  type UseMutationResult,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { createContext, type ReactNode, use, useCallback, useMemo, useRef, useState } from "react";
import { client, take } from "./client";
import { messageOf, Problem } from "./problem";
import { keys, queries } from "./queries";

type Asking = {
  /** Whether somebody waits for an operator to log in. */
  isAsking: boolean;
  /** Resolve once an operator is logged in; reject when that is called off. */
  askOperator: () => Promise<void>;
  logIn: (token: string) => Promise<void>;
  logOut: () => Promise<void>;
  callOff: () => void;
};

const AskingContext = createContext<Asking | null>(null);

class CalledOff extends Error {}

export function OperatorProvider({ children }: { children: ReactNode }) {
  const cache = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const waiting = useRef<{ resolve: () => void; reject: (why: Error) => void }[]>([]);
  const settle = useCallback((end: (one: { resolve: () => void; reject: (why: Error) => void }) => void) => {
    for (const one of waiting.current.splice(0)) end(one);
    setAsking(false);
  }, []);
  const asking = useMemo<Asking>(
    () => ({
      isAsking,
      askOperator: () =>
        new Promise<void>((resolve, reject) => {
          waiting.current.push({ resolve, reject });
          setAsking(true);
        }),
      logIn: async (token) => {
        const session = await take(client.POST("/api/login", { body: { token } }));
        if (session.role !== "operator") {
          throw new Error(
            "That token may only read. The operator's token is in the file operator_token of the data folder.",
          );
        }
        cache.setQueryData(keys.session, session);
        settle((one) => one.resolve());
        void cache.invalidateQueries();
      },
      logOut: async () => {
        await take(client.POST("/api/logout"));
        await cache.invalidateQueries();
      },
      callOff: () => settle((one) => one.reject(new CalledOff())),
    }),
    [isAsking, cache, settle],
  );
  return <AskingContext value={asking}>{children}</AskingContext>;
}

export function useOperator(): Asking & { isOperator: boolean; mayRead: boolean; name: string | null } {
  const asking = use(AskingContext);
  if (!asking) throw new Error("useOperator needs an OperatorProvider around it");
  const { data } = useQuery(queries.session());
  return {
    ...asking,
    isOperator: data?.role === "operator",
    mayRead: data === undefined || data.role !== null,
    name: data?.name ?? null,
  };
}

type Action<In, Out> = {
  /** The call that changes something. */
  act: (given: In) => Promise<Out>;
  /** What is no longer true afterwards. */
  makesStale: readonly QueryKey[];
  /** What to say when it worked; nothing where the page shows it by itself. */
  told?: (out: Out, given: In) => string | null;
  onDone?: (out: Out, given: In) => void;
};

/** Return a mutation that asks for an operator where there is none, and tells what went wrong. */
export function useAction<In, Out>(action: Action<In, Out>): UseMutationResult<Out, Error, In> {
  const cache = useQueryClient();
  const { askOperator } = useOperator();
  return useMutation({
    mutationFn: async (given: In) => {
      const session = await cache.ensureQueryData(queries.session());
      if (session.role !== "operator") await askOperator();
      try {
        return await action.act(given);
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 401) throw error;
        await askOperator(); // the session has ended, or its token was revoked, since we looked
        return action.act(given);
      }
    },
    onSuccess: (out, given) => {
      const text = action.told?.(out, given);
      if (text) notifications.show({ message: text, color: "green" });
      action.onDone?.(out, given);
    },
    onError: (error) => {
      if (error instanceof CalledOff) return;
      const title = error instanceof Problem ? error.title : "That did not work";
      notifications.show({ title, message: messageOf(error), color: "red", autoClose: 12_000 });
    },
    onSettled: () => Promise.all(action.makesStale.map((queryKey) => cache.invalidateQueries({ queryKey }))),
  });
}
