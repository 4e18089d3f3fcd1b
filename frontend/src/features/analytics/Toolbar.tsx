import {
  ActionIcon,
  Button,
  Group,
  Menu,
  NativeSelect,
  SegmentedControl,
  Select,
  Tooltip,
} from "@mantine/core";
import { IconCamera, IconChevronDown, IconMaximize, IconMinimize } from "@tabler/icons-react";
import type { Interval, SymbolRow } from "@/api/types";
import { oneOf, useUrlState } from "@/lib/urlState";
import classes from "./Analytics.module.css";
import { IndicatorPicker } from "./IndicatorPicker";
import { saveImage } from "./saveImage";
import { CHART_INTERVALS, rangeFor, SCALES, type View } from "./view";

type Props = {
  symbols: readonly SymbolRow[];
  symbol: SymbolRow;
  view: View;
  makeable: readonly Interval[];
  firstMs: number;
  fullScreen: boolean;
  toggleFullScreen: () => void;
  onSave: () => HTMLCanvasElement | undefined;
};

const QUICK: readonly Interval[] = ["1m", "5m", "15m", "1h", "4h", "1d"];

/** What the chart shows and how. */
export function Toolbar({ symbols, symbol, view, makeable, firstMs, ...props }: Props) {
  const [, write] = useUrlState();
  const name = symbol.symbol;
  return (
    <div className={classes.bar}>
      <Intervals {...{ view, makeable, firstMs }} />
      <IndicatorPicker chosen={view.indicators} interval={view.interval} />
      <Select
        size="xs"
        w={132}
        aria-label="Compare with"
        placeholder="Compare…"
        searchable
        clearable
        limit={50}
        value={view.compare}
        data={symbols.map((one) => one.symbol).filter((one) => one !== name)}
        onChange={(compare) => write({ compare })}
      />
      <span className={classes.grow} />
      <SegmentedControl
        size="xs"
        aria-label="Price scale"
        value={view.scale}
        data={[
          { value: "linear", label: "Lin" },
          { value: "log", label: "Log" },
          { value: "percent", label: "%" },
        ]}
        onChange={(value) => {
          const scale = oneOf(SCALES, value, "linear");
          write({ scale: scale === "linear" ? null : scale });
        }}
      />
      <Group gap={2}>
        <Tooltip label="Save as an image">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label="Save as an image"
            onClick={() => {
              const canvas = props.onSave();
              if (canvas) saveImage(canvas, name, view.interval);
            }}
          >
            <IconCamera size={17} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={props.fullScreen ? "Leave full screen" : "Full screen"}>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label="Full screen"
            aria-pressed={props.fullScreen}
            onClick={props.toggleFullScreen}
          >
            {props.fullScreen ? (
              <IconMinimize size={17} stroke={1.7} />
            ) : (
              <IconMaximize size={17} stroke={1.7} />
            )}
          </ActionIcon>
        </Tooltip>
      </Group>
    </div>
  );
}

type IntervalsProps = Pick<Props, "view" | "makeable" | "firstMs">;

function Intervals({ view, makeable, firstMs }: IntervalsProps) {
  const [, write] = useUrlState();
  const choose = (interval: Interval) => {
    if (view.hand) write({ interval });
    else write({ interval, range: rangeFor(interval, view.range, firstMs, Date.now()) });
  };
  const isQuick = QUICK.includes(view.interval);
  return (
    <>
      <Group gap={2} role="group" aria-label="Interval" visibleFrom="sm">
        {QUICK.map((one) => (
          <Button
            key={one}
            size="compact-xs"
            variant={one === view.interval ? "light" : "subtle"}
            color={one === view.interval ? undefined : "gray"}
            aria-pressed={one === view.interval}
            disabled={!makeable.includes(one)}
            onClick={() => choose(one)}
          >
            {one}
          </Button>
        ))}
        <Menu shadow="md" position="bottom-start">
          <Menu.Target>
            <Button
              size="compact-xs"
              variant={isQuick ? "subtle" : "light"}
              color={isQuick ? "gray" : undefined}
              rightSection={<IconChevronDown size={12} />}
              aria-label={isQuick ? "More intervals" : `Interval ${view.interval}; more intervals`}
            >
              {isQuick ? "More" : view.interval}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {CHART_INTERVALS.filter((one) => !QUICK.includes(one)).map((one) => (
              <Menu.Item key={one} disabled={!makeable.includes(one)} onClick={() => choose(one)}>
                {one}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      </Group>
      <NativeSelect
        hiddenFrom="sm"
        size="xs"
        aria-label="Interval"
        value={view.interval}
        data={CHART_INTERVALS.map((one) => ({ value: one, label: one, disabled: !makeable.includes(one) }))}
        onChange={(event) => choose(oneOf(CHART_INTERVALS, event.currentTarget.value, view.interval))}
      />
    </>
  );
}
