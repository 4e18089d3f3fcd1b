import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { renderPage } from "@/test/render";
import { DataTable } from "./DataTable";

type Row = { name: string; size: number | null };
const rows: Row[] = [
  { name: "b", size: 2 },
  { name: "c", size: null },
  { name: "a", size: 30 },
];

it("sorts by the column that is pressed, what has no value last either way", async () => {
  renderPage(
    <DataTable
      label="Sizes"
      rows={rows}
      rowKey={(row) => row.name}
      columns={[
        { id: "name", title: "Name", cell: (row) => row.name, sortBy: (row) => row.name },
        { id: "size", title: "Size", cell: (row) => row.size ?? "none", sortBy: (row) => row.size },
      ]}
    />,
  );
  const names = () =>
    screen
      .getAllByRole("row")
      .slice(1)
      .map((row) => within(row).getAllByRole("cell")[0]?.textContent);
  expect(names()).toEqual(["b", "c", "a"]);
  await userEvent.click(screen.getByRole("button", { name: "Size" }));
  expect(names()).toEqual(["b", "a", "c"]);
  await userEvent.click(screen.getByRole("button", { name: "Size" }));
  expect(names()).toEqual(["a", "b", "c"]);
});
