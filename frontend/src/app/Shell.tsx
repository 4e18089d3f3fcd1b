import { ActionIcon, AppShell, Burger, Button, Group, Loader, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { spotlight } from "@mantine/spotlight";
import { IconSearch } from "@tabler/icons-react";
import { type MouseEvent, Suspense, useEffect } from "react";
import { Link, Outlet, useLocation, useNavigation } from "react-router";
import { useOperator } from "@/api/operator";
import { Account } from "./Account";
import { Banner } from "./Banner";
import { Bell } from "./Bell";
import { HealthBadge } from "./HealthBadge";
import { LogIn } from "./LogIn";
import { Logo } from "./Logo";
import { Nav } from "./Nav";
import { Palette } from "./Palette";
import { ReadingIsClosed } from "./ReadingIsClosed";
import classes from "./Shell.module.css";
import { Look, ZoneSwitch } from "./Switches";
import { ToastNews } from "./ToastNews";

/** What surrounds every page. */
export function Shell() {
  const [isOpen, { toggle, close }] = useDisclosure();
  const { pathname } = useLocation();
  const { mayRead } = useOperator();
  const isGoing = useNavigation().state === "loading";
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page closes the drawer
  useEffect(close, [pathname]);
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 196, breakpoint: "sm", collapsed: { mobile: !isOpen } }}
      padding={{ base: "sm", sm: "md", lg: "lg" }}
    >
      {/* biome-ignore lint/a11y/useValidAnchor: it does lead to a place of this page */}
      <a href="#main" className={classes.skip} onClick={skipToPage}>
        Skip to the page
      </a>
      <AppShell.Header className={classes.header}>
        <Group h="100%" px="sm" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
            <Link to="/" className={classes.home} aria-label="Candlehouse, to the dashboard">
              <Logo />
              <Text fw={650} visibleFrom="xs">
                Candlehouse
              </Text>
            </Link>
            {isGoing && <Loader size={16} role="status" aria-label="Loading the page" />}
          </Group>
          <Group gap={4} wrap="nowrap">
            <Button
              variant="default"
              size="compact-sm"
              visibleFrom="md"
              leftSection={<IconSearch size={14} />}
              onClick={spotlight.open}
              className={classes.search}
            >
              Search
              <kbd className={classes.kbd}>Ctrl K</kbd>
            </Button>
            <Tooltip label="Search (Ctrl K)">
              <ActionIcon
                variant="subtle"
                color="gray"
                hiddenFrom="md"
                onClick={spotlight.open}
                aria-label="Search"
              >
                <IconSearch size={18} />
              </ActionIcon>
            </Tooltip>
            <HealthBadge />
            <ZoneSwitch />
            <Look />
            <Bell />
            <Account />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className={classes.navbar} aria-label="Pages">
        <Nav />
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <Banner />
        {mayRead ? (
          <Suspense fallback={<Loader m="xl" />}>
            <Outlet />
          </Suspense>
        ) : (
          <ReadingIsClosed />
        )}
      </AppShell.Main>
      <LogIn />
      <Palette />
      <ToastNews />
    </AppShell>
  );
}

/** By hand: beside a <base>, the address `#main` is another page's. */
function skipToPage(event: MouseEvent) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
