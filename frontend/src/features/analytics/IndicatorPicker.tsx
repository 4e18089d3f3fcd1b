import {
  ActionIcon,
  Button,
  Divider,
  Group,
  NumberInput,
  Popover,
  Stack,
  Text,
  UnstyledButton,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconMathFunction, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { Interval } from "@/api/types";
import { roughMs } from "@/lib/interval";
import { useUrlState } from "@/lib/urlState";
import classes from "./Analytics.module.css";
import {
  faultOf,
  formatIndicators,
  type Indicator,
  type IndicatorKind,
  isKind,
  KINDS,
  type Kind,
  MOST_INDICATORS,
  nameOf,
  standardOf,
  titleOf,
} from "./indicatorNames";

type Props = { chosen: readonly Indicator[]; interval: Interval };

/** Choose indicators and their numbers; they live in the page's address. */
export function IndicatorPicker({ chosen, interval }: Props) {
  const [, write] = useUrlState();
  const [isOpen, { toggle, close }] = useDisclosure();
  const set = (indicators: readonly Indicator[]) => write({ indicators: formatIndicators(indicators) });
  const names = chosen.map(nameOf);
  return (
    <Popover
      opened={isOpen}
      onChange={(open) => !open && close()}
      shadow="md"
      position="bottom-start"
      trapFocus
    >
      <Popover.Target>
        <Button size="xs" variant="default" leftSection={<IconMathFunction size={14} />} onClick={toggle}>
          Indicators{chosen.length > 0 && ` (${chosen.length})`}
        </Button>
      </Popover.Target>
      <Popover.Dropdown w={340} maw="calc(100vw - 1.5rem)" mah="70vh" style={{ overflowY: "auto" }}>
        {chosen.length > 0 && (
          <Stack gap="sm" mb="sm">
            {chosen.map((indicator, place) => (
              <Chosen
                key={nameOf(indicator)}
                indicator={indicator}
                taken={names}
                onChange={(changed) => set(chosen.with(place, changed))}
                onRemove={() => set(chosen.filter((_, at) => at !== place))}
              />
            ))}
            <Divider />
          </Stack>
        )}
        <Stack gap={0}>
          {Object.keys(KINDS)
            .filter(isKind)
            .map((kind) => (
              <Offer
                key={kind}
                kind={kind}
                why={whyNot(kind, interval, chosen)}
                onAdd={() => set([...chosen, fresh(kind, names)])}
              />
            ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

/** Why an indicator cannot be added, null where it can. */
function whyNot(kind: IndicatorKind, interval: Interval, chosen: readonly Indicator[]): string | null {
  if (chosen.length >= MOST_INDICATORS) return `At most ${MOST_INDICATORS} at a time`;
  if (kind === "vwap" && roughMs(interval) >= 86_400_000) return "Of a day: for intervals under 1d";
  const hasOne = chosen.some((one) => one.kind === kind);
  const isOnce = KINDS[kind].parameters.length === 0 || KINDS[kind].where === "edge";
  if (hasOne && isOnce) return "Shown already";
  return null;
}

/** The usual numbers, or the next ones that are not shown yet. */
function fresh(kind: IndicatorKind, names: readonly string[]): Indicator {
  let indicator = standardOf(kind);
  while (names.includes(nameOf(indicator))) {
    const [first = 1, ...rest] = indicator.numbers;
    indicator =
      kind === "macd"
        ? { kind, numbers: [first, (rest[0] ?? 0) + 1, rest[1] ?? 9] }
        : { kind, numbers: [first + 10, ...rest] };
  }
  return indicator;
}

type OfferProps = { kind: IndicatorKind; why: string | null; onAdd: () => void };

function Offer({ kind, why, onAdd }: OfferProps) {
  const { title, about } = KINDS[kind];
  return (
    <UnstyledButton
      py={3}
      aria-label={`Add ${title}`}
      aria-description={why ?? about}
      disabled={why !== null}
      onClick={onAdd}
      className={classes.offer}
    >
      <div>
        <Text size="sm" fw={550}>
          {title}
        </Text>
        <Text size="xs" c="dimmed">
          {why ?? about}
        </Text>
      </div>
      {why === null && <IconPlus size={16} />}
    </UnstyledButton>
  );
}

type ChosenProps = {
  indicator: Indicator;
  taken: readonly string[];
  onChange: (indicator: Indicator) => void;
  onRemove: () => void;
};

function Chosen({ indicator, taken, onChange, onRemove }: ChosenProps) {
  const { parameters }: Kind = KINDS[indicator.kind];
  const [numbers, setNumbers] = useState(indicator.numbers);
  const changed = { ...indicator, numbers };
  const isOther = nameOf(changed) !== nameOf(indicator);
  const fault = faultOf(changed) ?? (isOther && taken.includes(nameOf(changed)) ? "Shown already" : null);
  const apply = () => {
    if (isOther && !fault) onChange(changed);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <Group gap="xs" justify="space-between" wrap="nowrap">
        <Text size="sm" fw={550}>
          {titleOf(indicator)}
        </Text>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Remove ${titleOf(indicator)}`}
          onClick={onRemove}
        >
          <IconTrash size={15} />
        </ActionIcon>
      </Group>
      {parameters.length > 0 && (
        <Group gap="xs" align="flex-end" wrap="nowrap">
          {parameters.map(({ name, most, step }, place) => (
            <NumberInput
              key={name}
              size="xs"
              label={name}
              min={step ?? 1}
              max={most}
              step={step ?? 1}
              allowDecimal={step !== undefined}
              value={numbers[place]}
              onChange={(value) => setNumbers(numbers.with(place, Number(value)))}
            />
          ))}
          <Button type="submit" size="xs" variant="default" disabled={!isOther || fault !== null}>
            Set
          </Button>
        </Group>
      )}
      {fault && (
        <Text size="xs" c="red" role="alert">
          {fault}
        </Text>
      )}
    </form>
  );
}
