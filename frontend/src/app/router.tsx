import { createBrowserRouter } from "react-router";
import { base } from "@/api/client";
import { Crashed } from "./Crashed";
import { NotFound } from "./NotFound";
import { pages } from "./pages";
import { Shell } from "./Shell";

export function makeRouter() {
  return createBrowserRouter(
    [
      {
        element: <Shell />,
        errorElement: <Crashed />,
        hydrateFallbackElement: <span />,
        children: [
          ...pages.map(({ path, load }) => ({ path, lazy: load, errorElement: <Crashed /> })),
          { path: "*", element: <NotFound /> },
        ],
      },
    ],
    { basename: base.pathname },
  );
}
