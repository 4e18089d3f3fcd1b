"""A process that lets a lake age and kills itself at a call of it: URL LAKE DAY-OF-CLOCK CALL AFTER."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from src.clock import ManualClock
from src.domain import DAY_MS
from src.lake.store import Bucket
from src.maintenance.data_lake import DataLakeManager
from src.warehouse.engine import open_warehouse
from tests.ageing_rig import FailingStore, open_lake
from tests.builders import DAY_START_MS


class DeadlyStore(FailingStore):
    """Kills the process where the other one raises."""

    def _change(self, name: str, *arguments: Any) -> None:
        self.calls.append(name)
        is_it = len(self.calls) == self.fails_at
        if is_it and not self.is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        getattr(self.store, name)(*arguments)
        if is_it:
            os.kill(os.getpid(), signal.SIGKILL)

    def delete_many(self, bucket: Bucket, keys: Any) -> None:
        """Die in the middle."""
        if len(self.calls) + 1 == self.fails_at and not self.is_after:
            self.store.delete_many(bucket, list(keys)[:1])
        self._change("delete_many", bucket, keys)


def main() -> None:
    url, lake = sys.argv[1:3]
    day, call, is_after = map(int, sys.argv[3:6])
    warehouse = open_warehouse(url)
    store = DeadlyStore(open_lake(lake), call, bool(is_after))
    manager = DataLakeManager(store, warehouse, ManualClock(DAY_START_MS + day * DAY_MS), pack_objects=3)
    manager.pack_old_files()
    manager.archive_old_files()
    manager.cleanup_old_archives()


if __name__ == "__main__":
    main()
