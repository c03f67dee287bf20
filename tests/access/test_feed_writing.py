"""Law: the files of a feed are put in their place all or none, whenever the run that puts them there is killed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from feed_command import everything

from clampdown.cli import access_feed
from clampdown.publish.ways_feed import INDEX, MAP

OLD = {INDEX: b"old", "index.json.sig": b"old", "public.pem": b"key", MAP: b"old", "feed/v1/XA.json": b"old",
       "feed/v1/XB.json": b"old", "schema/map.json": b"shape"}  # fmt: skip
NEW = {name: b"new" if data == b"old" else data for name, data in OLD.items() if name != "feed/v1/XB.json"}


@pytest.mark.parametrize("at", range(8))
def test_a_run_that_is_killed_leaves_the_old_feed_or_is_finished_by_the_next(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each move in turn does not come to be."""
    access_feed.put(tmp_path, OLD, [])
    left = at

    def perhaps(do: Callable[[Path, Any], Path]) -> Callable[[Path, Any], Path]:
        def move(self: Path, to: Any) -> Path:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return do(self, to)

        return move

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", perhaps(Path.replace))
        patched.setattr(Path, "rename", perhaps(Path.rename))
        try:
            access_feed.put(tmp_path, NEW, ["feed/v1/XB.json", "../elsewhere.json"])
        except KeyboardInterrupt:
            assert everything(tmp_path)[INDEX] == b"old", "the index goes last"
    decided = at > 0
    access_feed.finish(tmp_path)
    found = {name: data for name, data in everything(tmp_path).items() if not name.startswith(".")}
    assert found == (NEW if decided else OLD)
    access_feed.put(tmp_path, NEW, ["feed/v1/XB.json"])
    assert everything(tmp_path) == NEW
