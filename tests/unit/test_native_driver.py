"""MySQL's driver stays native whatever else is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import PROJECT_ROOT

_CODE = "import {module}; import mysql.connector; print(mysql.connector.HAVE_CEXT)"


@pytest.mark.parametrize(
    "module", ["src.services.indicators", "src.services.export", "src.api.routes.market"]
)
def test_the_driver_is_native_after_its_neighbours(module: str) -> None:
    pytest.importorskip("_mysql_connector")
    command = [sys.executable, "-c", _CODE.format(module=module)]
    told = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "True"
