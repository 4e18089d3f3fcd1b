#!/usr/bin/env python3
"""Run a script of the web app's package.json: `make lint`, `types`, `test`, `e2e`, `screenshots`, … do.

    scripts/web.py lint

First it installs what package-lock.json names, where that is not there. Without Node.js (or, where a browser
is needed, without Chromium) it says what to install and is done; in CI (CI=true) that is a failure. Runs in
the project's .venv.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSER = "/usr/bin/chromium"
IN_BROWSER = ("e2e", "screenshots", "measure")


def main(script: str) -> int:
    sys.path.insert(0, str(ROOT))
    from src.errors import CandlehouseError  # noqa: PLC0415 - found by the line above
    from src.web.building import install_packages  # noqa: PLC0415
    from src.web.node import NoNode, check_node  # noqa: PLC0415
    from src.web.place import FRONTEND  # noqa: PLC0415
    from src.web.progress import alone  # noqa: PLC0415

    try:
        check_node()
        with alone(FRONTEND) as lock:
            install_packages(FRONTEND, os.environ, lambda line: print(line, file=sys.stderr), lock)
    except NoNode as error:
        return leave_out(script, str(error))
    except CandlehouseError as error:
        return fail(script, str(error))
    if script in IN_BROWSER and not Path(BROWSER).exists():
        return leave_out(script, f"there is no {BROWSER}; `scripts/servers install` gets it on Debian")
    npm = shutil.which("npm") or "npm"
    return subprocess.run([npm, "run", "--silent", script], cwd=FRONTEND.root, check=False).returncode


def leave_out(script: str, why: str) -> int:
    if os.environ.get("CI") == "true":
        return fail(script, why)
    print(f"web app: {script} is left out: {why}", file=sys.stderr)
    return 0


def fail(script: str, why: str) -> int:
    print(f"web app: {script}: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
