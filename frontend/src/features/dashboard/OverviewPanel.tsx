import { Group } from "@mantine/core";
import { Link } from "react-router";
import type { Card } from "@/api/types";
import { Change } from "@/components/Amounts";
import { Figure, Figures } from "@/components/Figure";
import { Panel } from "@/components/Panel";
import { Pill } from "@/components/Pill";
import { compact, count, plural } from "@/lib/format";
import type { Overview } from "./overview";

/** The market in one line: how many rise, what moved most, what was traded, how fresh all of it is. */
export function OverviewPanel({ overview, quote }: { overview: Overview; quote: string | null }) {
  const { freshness, rising, falling, others } = overview;
  return (
    <Panel title="Market" about="The last 24 hours of all tracked symbols">
      <Figures>
        <Figure
          label="Rising and falling"
          value={
            <Group gap="sm">
              <span style={{ color: "var(--ch-up)" }}>▲ {rising}</span>
              <span style={{ color: "var(--ch-down)" }}>▼ {falling}</span>
            </Group>
          }
          about={`of ${plural(overview.symbols, "symbol")}${others > 0 ? `, ${others} unchanged` : ""}`}
        />
        <Mover label="Strongest" card={overview.best} />
        <Mover label="Weakest" card={overview.worst} />
        {overview.quoteVolume !== null && (
          <Figure
            label="Volume"
            value={`${compact(overview.quoteVolume)} ${quote ?? ""}`}
            about={`${compact(overview.trades)} trades`}
          />
        )}
        <Figure label="Candles held" value={count(overview.candles)} about="of the shortest interval each" />
        <Figure
          label="Freshness"
          value={
            <Group gap="sm">
              <Pill tone="good">{freshness.fresh} fresh</Pill>
              {freshness.aging > 0 && <Pill tone="warn">{freshness.aging} aging</Pill>}
              {freshness.stale > 0 && <Pill tone="bad">{freshness.stale} stale</Pill>}
              {freshness.none > 0 && <Pill tone="quiet">{freshness.none} without data</Pill>}
            </Group>
          }
          about={<Link to="/data">All series</Link>}
        />
      </Figures>
    </Panel>
  );
}

function Mover({ label, card }: { label: string; card: Card | null }) {
  if (!card) return <Figure label={label} value="–" />;
  return (
    <Figure
      label={label}
      value={<Change value={card.day.change_percent} />}
      about={<Link to={`/analytics?symbol=${card.symbol}`}>{card.symbol}</Link>}
    />
  );
}
