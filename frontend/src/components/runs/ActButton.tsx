import { Button, type ButtonProps, Tooltip } from "@mantine/core";

type Props = ButtonProps & { label: string; whyNot: string | null; onAct: () => void };

/** A button that says why it cannot be pressed where it cannot; it keeps the focus, so that the reason can be read. */
export function ActButton({ label, whyNot, onAct, ...look }: Props) {
  return (
    <Tooltip label={whyNot ?? ""} disabled={whyNot === null}>
      <Button
        size="xs"
        variant="default"
        {...look}
        aria-disabled={whyNot !== null}
        data-disabled={whyNot !== null || undefined}
        onClick={whyNot === null ? onAct : undefined}
      >
        {label}
      </Button>
    </Tooltip>
  );
}
