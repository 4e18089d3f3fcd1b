"""The scheduler daemon: settings, wiring, loop. Stop it with SIGTERM or Ctrl-C."""

from __future__ import annotations

import sys

from src.errors import ConfigurationError
from src.logs import configure_logging
from src.settings import load_settings
from src.wiring import build


def main() -> int:
    """Run until stopped; return the exit status."""
    if len(sys.argv) > 1:
        print("scheduler.py takes no arguments; ./candlehouse up --help says more", file=sys.stderr)  # noqa: T201
        return 2
    try:
        settings = load_settings()
        configure_logging(settings.log_level)
        build(settings).daemon.run()
    except ConfigurationError as error:
        print(f"candlehouse: {error}", file=sys.stderr)  # noqa: T201 - there is no log without settings
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
