"""Law: sessions cost nothing: one device neither shuts nor opens a quiet way, however many of them it opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest
from way_tries import AT, LIMITS, row

from clampdown.assess import reach as product
from clampdown.assess.counting import Row, caps
from clampdown.assess.reach import Reach

COUNTS: Final = (1, 2, 5, 20, 60, 300)
MINE: Final = "probe/1"
# The forger's kind of device is that of one honest device; the two others are of two kinds more, or of one.
APART: Final = (MINE, "probe/2", "probe/3")
ALIKE: Final = (MINE, "probe/2", "probe/2")
TURNED: Final = [("ok", "blocked", "works", "blocked"), ("blocked", "ok", "blocked", "works")]


def honest(state: str, kinds: Sequence[str], every: int = 3) -> list[Row]:
    """Three devices, each a session on every third day of the window."""
    return [
        row(f"h{device}-{day}", day, state, 1 + device, vantage_kind="session", software=kind)
        for device, kind in enumerate(kinds)
        for day in range(0, 28, every)
    ]


def forged(state: str, sessions: int, last: int) -> list[Row]:
    """One device: as many sessions, a row each, over the hours of the last days."""
    return [
        row(f"f{n}", 27 - n % last, state, n // last % 24, vantage_kind="session", software=MINE)
        for n in range(sessions)
    ]


def judged(rows: list[Row]) -> Reach:
    return product.reach(rows, AT, LIMITS, caps(rows, LIMITS.counting))


def mishap(state: str) -> Row:
    """One honest device of another kind that once says otherwise: with it the lie has a second kind of device."""
    return row("mishap", 27, state, 9, vantage_kind="session", software="probe/2")


@pytest.mark.parametrize("last", [1, 3, 7, 28])
@pytest.mark.parametrize(("truth", "lie", "state", "_never"), TURNED)
def test_one_device_with_many_sessions_changes_nothing(
    last: int, truth: str, lie: str, state: str, _never: str
) -> None:
    before = judged(honest(truth, APART))
    assert (before.state, before.grade) == (state, "corroborated")
    for helped in ([], [mishap(lie)]):
        for sessions in COUNTS:
            said = judged(honest(truth, APART) + helped + forged(lie, sessions, last))
            assert said.state == state, (sessions, helped)
            assert said.vantage.low <= 3


@pytest.mark.parametrize("last", [1, 3, 7, 28])
@pytest.mark.parametrize(("truth", "lie", "state", "never"), TURNED)
def test_with_fewer_kinds_it_can_cast_doubt_and_never_turn(
    last: int, truth: str, lie: str, state: str, never: str
) -> None:
    """Two honest devices that cannot be told apart are one voice: what one more device says then leaves a doubt."""
    for helped in ([], [mishap(lie)]):
        seen = {judged(honest(truth, ALIKE) + helped + forged(lie, sessions, last)).state for sessions in COUNTS}
        assert seen - {state, "insufficient", "impaired"} == set()
        assert never not in seen


@pytest.mark.parametrize(("truth", "lie", "state", "never"), TURNED)
def test_without_one_voice_for_a_device_it_would_turn(
    monkeypatch: pytest.MonkeyPatch, truth: str, lie: str, state: str, never: str
) -> None:
    """The tests above could not fail if sessions did not count by themselves."""
    monkeypatch.setattr(product, "voice", lambda each: each)
    said = [judged([*honest(truth, APART), mishap(lie), *forged(lie, sessions, 3)]) for sessions in COUNTS]
    assert said[0].state == state
    assert (said[-1].state, said[-1].grade) == (never, "corroborated")
    alone = [judged(honest(truth, APART) + forged(lie, sessions, 3)).state for sessions in COUNTS]
    assert alone[-1] != state, "without any help it is at least no longer said"
