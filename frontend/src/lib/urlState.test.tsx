import { Button } from "@mantine/core";
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useLocation } from "react-router";
import { renderPage } from "@/test/render";
import { useUrlState } from "./urlState";

function Both() {
  const [read, write] = useUrlState();
  const { search } = useLocation();
  const press = () => {
    write({ first: "1" });
    write({ second: "2", gone: null });
  };
  return (
    <Button onClick={press}>
      {search} {read("first")}
    </Button>
  );
}

it("loses none of two changes in one go", async () => {
  renderPage(<Both />, "/?gone=x&kept=y");
  await userEvent.click(screen.getByRole("button"));
  expect(await screen.findByText("?kept=y&first=1&second=2 1")).toBeVisible();
});
