import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { RouterProvider } from "react-router";
import { followEvents } from "@/api/live";
import { OperatorProvider } from "@/api/operator";
import { theme } from "@/theme/theme";
import { makeCache } from "./cache";
import { makeRouter } from "./router";

/** The app: what is known, from one cache, kept true by one stream of events. */
export function App() {
  const [cache] = useState(makeCache);
  const [router] = useState(makeRouter);
  useEffect(() => followEvents(cache), [cache]);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={cache}>
        <OperatorProvider>
          <Notifications position="bottom-right" limit={4} />
          <RouterProvider router={router} />
        </OperatorProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}
