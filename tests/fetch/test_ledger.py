"""Law: a ledger keeps what was written whole, whatever was torn off its end."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.errors import StoreError
from clampdown.fetch.ledger import Forgot, Got, Ledger, RawLock, Request

AT = "2026-03-01T00:00:00Z"


def got(key: str, digest: str | None = "ab" * 32, size: int = 3, **more: object) -> Got:
    return Got("ooni", key, key, digest, size, AT, **more)  # type: ignore[arg-type]


def laid(root: Path, one: Got) -> None:
    path = Ledger(root).file(one.digest or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * one.size)


def test_the_last_line_about_a_key_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(got("a"), got("b"), got("a", size=9))
    ledger.add(Request("ooni", "2026-01-01", "2026-02-01", AT, country="IR"), Forgot("2025-01-01", AT))
    for one in (ledger, Ledger(tmp_path)):
        assert {key: found.size for (_, key), found in one.got.items()} == {"a": 9, "b": 3}
        assert [request.country for request in one.requests] == ["IR"]
        assert [line.before for line in one.forgot] == ["2025-01-01"]


@given(st.integers(0, 400))
def test_a_torn_end_costs_only_what_is_torn(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    root = tmp_path_factory.mktemp("raw")
    Ledger(root).add(got("a"), got("b"), got("c"))
    data = (root / "ledger.jsonl").read_bytes()
    kept = data[: max(0, len(data) - cut)]
    (root / "ledger.jsonl").write_bytes(kept)
    ledger = Ledger(root)
    whole = sum(len(b"".join(data.splitlines(keepends=True)[: n + 1])) - 1 <= len(kept) for n in range(3))
    assert len(ledger.got) == whole
    ledger.add(got("d"))
    again = Ledger(root)
    assert len(again.got) == whole + 1
    assert ("ooni", "d") in again.got


def test_here_is_what_lies_here_whole_or_what_the_store_holds(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(got("whole", "aa" * 32), got("short", "bb" * 32), got("gone", "cc" * 32, input="k1"))
    ledger.add(got("let go", "dd" * 32, kept=False, input="k2"), got("gap", None, 0))
    laid(tmp_path, got("whole", "aa" * 32))
    laid(tmp_path, got("short", "bb" * 32, size=2))

    def here() -> set[str]:
        return {key for service, key in ledger.got if ledger.here(service, key) is not None}

    assert here() == {"whole", "gap"}
    ledger.known = {"k1", "k2"}
    assert here() == {"whole", "gap", "gone", "let go"}


def test_answers_that_a_store_has_read_stay_named_when_the_next_one_comes(tmp_path: Path) -> None:
    """What a service says of an open window changes; the store holds each answer, and its file stays."""
    first, second, third = (got("open", letter * 64, size=3, settled=False) for letter in "abc")
    ledger = Ledger(tmp_path)
    ledger.add(first, msgspec.structs.replace(first, input="k1"))
    ledger.add(second)  # killed before it was read
    ledger.add(third, msgspec.structs.replace(third, input="k3"))
    ledger.add(got("other", "c" * 64))
    for one in (ledger, Ledger(tmp_path)):
        assert [(each.digest or "")[0] + each.key for each in one.every()] == ["aopen", "copen", "cother"]
        assert (one.held(), sorted(one.kept())) == (6, ["a" * 64, "c" * 64])
        assert one.got["ooni", "open"].input == "k3"
    # Rewriting keeps them; a file that is let go is kept no more; what is said again is current again.
    ledger.rewrite(
        msgspec.structs.replace(line, kept=False) if isinstance(line, Got) and line.input == "k1" else line
        for line in list(ledger.lines())
    )
    assert (len(list(ledger.every())), ledger.held()) == (3, 3)
    ledger.add(msgspec.structs.replace(first, input="k1"))
    for one in (ledger, Ledger(tmp_path)):
        assert [(each.digest or "")[0] for each in one.every() if each.key == "open"] == ["c", "a"]


def test_one_run_at_a_time(tmp_path: Path) -> None:
    lock = RawLock(tmp_path)
    with pytest.raises(StoreError, match="another run is fetching"):
        RawLock(tmp_path)
    lock.release()
    RawLock(tmp_path).release()
