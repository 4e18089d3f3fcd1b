import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** Candlelight: the accent, for what can be acted on. Never for a market that rises or falls. */
const ember: MantineColorsTuple = [
  "#fff6ec",
  "#fbe8d3",
  "#f5cea3",
  "#efb26e",
  "#ea9b43",
  "#e68a24",
  "#d9730d",
  "#b45a09",
  "#934808",
  "#713705",
];
/** Ink: slightly blue greys, so that both schemes are calm. */
const ink: MantineColorsTuple = [
  "#d6dae2",
  "#bcc2ce",
  "#a2a9b7",
  "#7c8493",
  "#4d5463",
  "#363c49",
  "#272c37",
  "#1b1f28",
  "#14171e",
  "#0e1116",
];

export const theme = createTheme({
  primaryColor: "ember",
  // The library chooses a filled button's text by its light shade alone: one that bears white in both.
  primaryShade: 7,
  colors: { ember, dark: ink },
  autoContrast: true,
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Code', Menlo, Consolas, monospace",
  headings: { fontFamily: "'Inter Variable', system-ui, sans-serif", fontWeight: "600" },
  defaultRadius: "md",
  cursorType: "pointer",
  focusRing: "auto",
  components: {
    Chip: { defaultProps: { variant: "outline" } },
    Tooltip: {
      defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } },
    },
    Table: {
      defaultProps: {
        verticalSpacing: 7,
        horizontalSpacing: "sm",
        highlightOnHover: true,
        borderColor: "var(--ch-line)",
        highlightOnHoverColor: "var(--ch-sunken)",
      },
    },
    Modal: {
      defaultProps: {
        centered: true,
        overlayProps: { blur: 2, backgroundOpacity: 0.4 },
        closeButtonProps: { "aria-label": "Close" },
      },
    },
    Drawer: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Put away" } } },
    Select: { defaultProps: { allowDeselect: false, comboboxProps: { shadow: "md" } } },
  },
});
