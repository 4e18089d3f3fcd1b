#!/usr/bin/env python3
"""Write the API's description and the web app's types of it: `make api-types`, after each change of the API.

    scripts/api_types.py            writes frontend/openapi.json, and frontend/src/api/schema.d.ts from it
    scripts/api_types.py --check    changes nothing; status 1 where one of them is not what it would write

Runs in the project's .venv. The types take what `npm ci` installs in frontend/; without that a check of them
is left out, and said, but in CI (CI=true) it is a failure.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
DOCUMENT = FRONTEND / "openapi.json"
TYPES = FRONTEND / "src" / "api" / "schema.d.ts"
GENERATOR = FRONTEND / "node_modules" / ".bin" / "openapi-typescript"
# A field that has a default may be left out of a request; no answer has such fields.
OPTIONS = ("--default-non-nullable", "false")


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            DOCUMENT.write_text(document_text(), encoding="utf-8")
            return generate()
        case ["--check"]:
            return check()
    print(__doc__, file=sys.stderr)
    return 2


def document_text() -> str:
    """Return the document as it is committed: indented, so that changes of it can be read and merged."""
    sys.path.insert(0, str(ROOT))
    os.environ["CANDLEHOUSE_ENV_FILE"] = os.devnull
    from src.api.app import create_app  # noqa: PLC0415 - found by the two lines above
    from src.settings import load_settings  # noqa: PLC0415

    document = create_app(load_settings()).api_doc  # type: ignore[attr-defined]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def check() -> int:
    committed, current = DOCUMENT.read_text(encoding="utf-8"), document_text()
    if committed != current:
        changes = difflib.unified_diff(committed.splitlines(), current.splitlines(), lineterm="", n=0)
        print(*list(changes)[:20], sep="\n", file=sys.stderr)
        print("frontend/openapi.json is not what the API says now: `make api-types`", file=sys.stderr)
        return 1
    if not GENERATOR.exists() and os.environ.get("CI") != "true":
        print(f"the types are not checked: {missing()}", file=sys.stderr)
        return 0
    return generate("--check")


def generate(*options: str) -> int:
    if not GENERATOR.exists():
        print(f"no types: {missing()}", file=sys.stderr)
        return 1
    output = str(TYPES.relative_to(FRONTEND))
    command = [str(GENERATOR), DOCUMENT.name, "--output", output, *OPTIONS, *options]
    # It colours and praises itself on standard error.
    done = subprocess.run(command, cwd=FRONTEND, check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="", end="", file=sys.stderr)
        print("frontend/src/api/schema.d.ts is not what it should be: `make api-types`", file=sys.stderr)
    return done.returncode


def missing() -> str:
    return f"openapi-typescript is not in {GENERATOR.parent.relative_to(ROOT)} (`npm ci` in frontend/)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
