import { Alert, Button, Skeleton, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useOperator } from "@/api/operator";
import type { Plan } from "@/api/types";
import { Figure, Figures } from "@/components/Figure";
import { Failed } from "@/components/Loaded";
import { Time } from "@/components/Time";
import { bytes, count } from "@/lib/format";
import { useNow } from "@/lib/now";
import { duration } from "@/lib/time";
import { PlanSeries } from "./PlanSeries";
import { nothingToDo, sumUp } from "./planText";
import type { usePlan } from "./usePlan";

type Props = { plan: ReturnType<typeof usePlan> /** What is not chosen yet. */; missing: string | null };

/** What would be fetched, how long that takes, what is there already; as the choice stands. */
export function PlanView({ plan: { query, isSettled, isOperator }, missing }: Props) {
  const { askOperator } = useOperator();
  const [isFresh, setFresh] = useState(false);
  // Pressing the button takes it away: the keyboard goes on from the plan instead.
  const logIn = () =>
    void askOperator().then(
      () => setFresh(true),
      () => undefined,
    );
  if (missing) return <Note>{missing}</Note>;
  if (!isOperator) return <LogInFirst onLogIn={logIn} />;
  if (query.error)
    return <Failed error={query.error} onRetry={() => void query.refetch()} isTrying={query.isFetching} />;
  if (!query.data) return <Planning />;
  return (
    <Stack
      gap="sm"
      style={{ opacity: isSettled ? 1 : 0.55 }}
      aria-busy={!isSettled}
      data-testid="plan"
      tabIndex={-1}
      ref={isFresh ? focusHere : undefined}
    >
      <Totals plan={query.data} />
      <Notes plan={query.data} />
      <PlanSeries plan={query.data} />
    </Stack>
  );
}

function focusHere(element: HTMLElement | null) {
  element?.focus({ preventScroll: true });
}

function LogInFirst({ onLogIn }: { onLogIn: () => void }) {
  return (
    <Note>
      The plan asks the exchange, so it wants an operator.{" "}
      <Button size="compact-sm" variant="default" onClick={onLogIn}>
        Log in to see the plan
      </Button>
    </Note>
  );
}

function Planning() {
  return (
    <div role="status">
      <span className="ch-unseen">Planning</span>
      <Skeleton height={120} />
    </div>
  );
}

function Note({ children }: { children: React.ReactNode }) {
  return (
    <Text size="sm" c="dimmed" component="div">
      {children}
    </Text>
  );
}

function Totals({ plan }: { plan: Plan }) {
  const nowMs = useNow(10_000);
  const { held, empty, underWay } = sumUp(plan);
  return (
    <Figures>
      <Figure
        label="To fetch"
        value={count(plan.candles)}
        about={`candles of ${count(plan.total_combinations)} series`}
      />
      <Figure
        label="Held already"
        value={count(held)}
        about={underWay > 0 ? `and ${count(underWay)} on their way` : "candles"}
      />
      <Figure label="Empty at the exchange" value={count(empty)} about="candles, by its own answers" />
      <Figure
        label="Requests"
        value={count(plan.requests)}
        about={`weight ${count(plan.weight)}, at ${count(plan.weight_a_minute)} a minute`}
      />
      <Figure label="Size in the lake" value={`about ${bytes(plan.size_bytes)}`} />
      <Figure
        label="By the exchange's limit"
        value={`at least ${duration(plan.duration_ms)}`}
        about={plan.expected_ms === null ? "loading may take longer on a small machine" : undefined}
      />
      {plan.expected_ms !== null && plan.candles > 0 && (
        <Figure
          label="Expected"
          value={`about ${duration(plan.expected_ms)}`}
          about={
            <>
              as fast as earlier ones here: done at <Time ms={nowMs + plan.expected_ms} />
            </>
          }
        />
      )}
    </Figures>
  );
}

function Notes({ plan }: { plan: Plan }) {
  const nothing = nothingToDo(plan);
  const { unavailable } = sumUp(plan);
  return (
    <>
      {nothing && (
        <Alert color="blue" variant="light" p="xs">
          {nothing}
        </Alert>
      )}
      {!nothing && unavailable.length > 0 && (
        <Alert color="yellow" variant="light" p="xs">
          The exchange has nothing of {unavailable.join(", ")} in that time: left out.
        </Alert>
      )}
    </>
  );
}
