import { Button, type ButtonProps, Group, Modal, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { ReactNode } from "react";

type Props = ButtonProps & {
  /** What is asked, as a question. */
  question: string;
  /** What it means, and whether it can be taken back. */
  children: ReactNode;
  label: ReactNode;
  /** The word on the button that does it. */
  confirm: string;
  onConfirm: () => void;
};

/** A button for what cannot be taken back: it says so and asks once. */
export function ConfirmButton({ question, children, label, confirm, onConfirm, ...look }: Props) {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button {...look} onClick={open}>
        {label}
      </Button>
      <Modal opened={isOpen} onClose={close} title={question}>
        <Text size="sm" component="div">
          {children}
        </Text>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={close}>
            Keep it
          </Button>
          <Button
            color="red"
            onClick={() => {
              close();
              onConfirm();
            }}
          >
            {confirm}
          </Button>
        </Group>
      </Modal>
    </>
  );
}
