import { ActionIcon, Anchor, Table } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { type Dispatch, type SetStateAction, useState } from "react";
import { Link } from "react-router";
import type { Gap } from "@/api/types";
import { GapPill } from "@/components/Pill";
import { Time } from "@/components/Time";
import { count } from "@/lib/format";
import { duration } from "@/lib/time";
import { GapStory } from "./GapStory";
import classes from "./Gaps.module.css";
import { isFillable } from "./states";

type Ids = ReadonlySet<number>;
type Props = { gaps: readonly Gap[]; selection: Ids; onSelection: Dispatch<SetStateAction<Ids>> };

/** Gaps as rows; each opens into what is known of it. */
export function GapsTable({ gaps, selection, onSelection }: Props) {
  const [opened, setOpened] = useState<Ids>(new Set());
  const fillable = gaps.filter(isFillable).map((gap) => gap.id);
  const isAll = fillable.length > 0 && fillable.every((id) => selection.has(id));
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table aria-label="Gaps">
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={36}>
              <input
                type="checkbox"
                className={classes.box}
                aria-label="Select all that can be filled"
                checked={isAll}
                disabled={fillable.length === 0}
                onChange={(event) => onSelection(new Set(event.target.checked ? fillable : []))}
              />
            </Table.Th>
            <Table.Th>Series</Table.Th>
            <Table.Th>From, how long</Table.Th>
            <Table.Th ta="right">Missing</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Reason</Table.Th>
            <Table.Th ta="right">Asked</Table.Th>
            <Table.Th w={44}>
              <span className="ch-unseen">Details</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        {gaps.map((gap) => (
          <GapRows
            key={gap.id}
            gap={gap}
            isSelected={selection.has(gap.id)}
            onSelect={() => onSelection((before) => toggled(before, gap.id))}
            isOpen={opened.has(gap.id)}
            onToggle={() => setOpened((before) => toggled(before, gap.id))}
          />
        ))}
      </Table>
    </Table.ScrollContainer>
  );
}

function toggled(before: Ids, id: number): Ids {
  const after = new Set(before);
  if (!after.delete(id)) after.add(id);
  return after;
}

type RowProps = {
  gap: Gap;
  isSelected: boolean;
  onSelect: () => void;
  isOpen: boolean;
  onToggle: () => void;
};

function GapRows({ gap, isSelected, onSelect, isOpen, onToggle }: RowProps) {
  const name = `${gap.symbol} ${gap.interval}, gap ${gap.id}`;
  const day = new Date(gap.start_ms).toISOString().slice(0, 10);
  return (
    <Table.Tbody>
      <Table.Tr>
        <Table.Td>
          <input
            type="checkbox"
            className={classes.box}
            aria-label={`Select ${name}`}
            checked={isSelected && isFillable(gap)}
            disabled={!isFillable(gap)}
            onChange={onSelect}
          />
        </Table.Td>
        <Table.Td className="ch-num">
          <Anchor component={Link} size="sm" to={`?tab=coverage&cell=${gap.symbol}.${gap.interval}.${day}`}>
            {gap.symbol} {gap.interval}
          </Anchor>
        </Table.Td>
        <Table.Td className="ch-num">
          <Time ms={gap.start_ms} /> · {duration(gap.end_ms - gap.start_ms)}
        </Table.Td>
        <Table.Td ta="right">{count(gap.missing)}</Table.Td>
        <Table.Td>
          <GapPill state={gap.state} />
        </Table.Td>
        <Table.Td>{gap.reason_in_words}</Table.Td>
        <Table.Td ta="right">{gap.attempts === 0 ? "–" : <Time ms={gap.attempted_ms} relative />}</Table.Td>
        <Table.Td>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-expanded={isOpen}
            aria-label={`Details of ${name}`}
            onClick={onToggle}
          >
            {isOpen ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
          </ActionIcon>
        </Table.Td>
      </Table.Tr>
      {isOpen && (
        <Table.Tr className={classes.details}>
          <Table.Td colSpan={8}>
            <GapStory gap={gap} />
          </Table.Td>
        </Table.Tr>
      )}
    </Table.Tbody>
  );
}
