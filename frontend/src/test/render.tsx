import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import { MemoryRouter } from "react-router";
import { OperatorProvider } from "@/api/operator";
import { LogIn } from "@/app/LogIn";
import { theme } from "@/theme/theme";

/** Render *content* as a page at *at*, inside all that surrounds pages; each test has a cache of its own. */
export function renderPage(content: ReactNode, at = "/") {
  const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const rendered = render(
    <MantineProvider theme={theme} env="test">
      <QueryClientProvider client={cache}>
        <OperatorProvider>
          <Notifications />
          <MemoryRouter initialEntries={[at]}>
            {content}
            <LogIn />
          </MemoryRouter>
        </OperatorProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { ...rendered, cache };
}
