"""Law: what is killed is killed in a process of its own, and no thread of a library outlives it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def in_child(act: Callable[[], None]) -> int:
    """Run in a fork; its exit code, or minus the number of the signal that ended it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
