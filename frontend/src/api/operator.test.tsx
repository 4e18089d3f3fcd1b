import { Button } from "@mantine/core";
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { makeSession } from "@/test/factories";
import { renderPage } from "@/test/render";
import { answers, refuses, server, takes } from "@/test/server";
import { client, take } from "./client";
import { useAction } from "./operator";
import { keys } from "./queries";

function Clean() {
  const action = useAction({
    act: () => take(client.POST("/api/notifications/read")),
    makesStale: [keys.notifications],
    told: ({ marked }) => `${marked} marked`,
  });
  return <Button onClick={() => action.mutate(undefined)}>Clean</Button>;
}

it("asks a viewer for the operator's token once, then does what was wanted", async () => {
  const sent: unknown[] = [];
  server.use(
    answers("/api/session", makeSession({ name: null, role: "viewer", logged_in: false })),
    takes("/api/login", makeSession(), sent),
    takes("/api/notifications/read", { marked: 3 }),
  );
  renderPage(<Clean />);
  await userEvent.click(await screen.findByRole("button", { name: "Clean" }));
  await userEvent.type(await screen.findByLabelText(/Token/), "ch_secret");
  await userEvent.click(screen.getByRole("button", { name: "Log in" }));
  expect(await screen.findByText("3 marked")).toBeVisible();
  expect(sent).toEqual([{ token: "ch_secret" }]);
});

it("shows what the API says where it refuses", async () => {
  server.use(refuses("/api/notifications/read", 409, "not now: it has ended"));
  renderPage(<Clean />);
  await userEvent.click(await screen.findByRole("button", { name: "Clean" }));
  expect(await screen.findByText("not now: it has ended")).toBeVisible();
});
