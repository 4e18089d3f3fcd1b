import { Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { NavLink } from "react-router";
import { queries } from "@/api/queries";
import { pages } from "./pages";
import classes from "./Shell.module.css";

export function Nav() {
  const isSimulated = useIsSimulated();
  return (
    <Stack gap={2} p="xs">
      {pages.map(({ path, name, icon: Drawn }) =>
        name && Drawn && (path !== "/simulator" || isSimulated) ? (
          <NavLink key={path} to={path} end={path === "/"} className={classes.link}>
            <Drawn size={18} stroke={1.7} aria-hidden />
            {name}
          </NavLink>
        ) : null,
      )}
    </Stack>
  );
}

/** Whether the exchange is the simulator: only then is there a dial to turn. */
export function useIsSimulated(): boolean {
  const { data } = useQuery({ ...queries.faults(), staleTime: Number.POSITIVE_INFINITY, retry: false });
  return data?.is_simulator ?? false;
}
