"""Law: a test that cannot run says so in one line; where everything is promised, it fails instead.

`CLAMPDOWN_REQUIRE=all` (set by .ci/run) turns skips for a missing program into failures. The material folder
beside the checkout is other people's work and may be absent: its skips stay skips.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Speed is judged in benchmarks: a busy machine makes no property false.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# No test switches a machine off: waiting for its disk thousands of times proves nothing. That files are synced, and
# when, is tried in tests/store/test_storage.py; programs that tests start sync as ever.
os.fsync = lambda descriptor: os.fstat(descriptor) and None

ROOT = Path(__file__).resolve().parent.parent
NO_MATERIAL = "the material folder is absent: set CLAMPDOWN_SHARED to run the tests that read it"

# A shell starts background commands with SIGINT ignored, and children inherit that: they could not be interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def material() -> Path | None:
    """The folder of other people's files that some tests read, or None."""
    folder = Path(os.environ.get("CLAMPDOWN_SHARED", ROOT.parent / "shared"))
    return folder if (folder / "CONTRACTS.md").is_file() else None


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material folder; the test is skipped where it is absent."""
    folder = material()
    if folder is None:
        pytest.skip(NO_MATERIAL)
    return folder


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("shared") and material() is None:
        pytest.skip(NO_MATERIAL)
    if item.get_closest_marker("browser") and not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("Chromium and its driver are not installed: the tests that open the page cannot run")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CLAMPDOWN_REQUIRE") == "all" and not hasattr(report, "wasxfail"):
        place: Any = report.longrepr
        reason = place[2] if isinstance(place, tuple) else str(place)
        if "CLAMPDOWN_SHARED" not in reason:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: CLAMPDOWN_REQUIRE=all allows no skip, but: {reason}"
    return report
