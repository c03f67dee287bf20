"""Law: we wait as long as we are asked to, and the retries of a run are bounded."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.errors import UsageError
from clampdown.fetch.manners import Budget, Manners, agent, retry_after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("9999999999", None),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 12:02:00", 120.0),
        ("Wed, 99 Foo 2026", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.lists(st.booleans(), max_size=300), st.floats(1, 50))
def test_the_budget_bounds_retries(outcomes: list[bool], start: float) -> None:
    """No more retries than there were at first, and a tenth of the successes."""
    budget = Budget(Manners(budget=start))
    spent = good = 0
    for well in outcomes:
        if well:
            budget.success()
            good += 1
        else:
            spent += budget.spend()
    assert spent <= start + good / 10 + 1e-6


@given(st.integers(1, 30), st.integers())
def test_pauses_double_and_end(tries: int, seed: int) -> None:
    manners = Manners()
    wait = Budget(manners, random.Random(seed)).wait(tries)
    assert 0 <= wait <= min(manners.most_wait, manners.first_wait * 2 ** (tries - 1))


@pytest.mark.parametrize("proxy", ["localhost:9050", "ftp://x", "socks://x:1", "http://", "socks5h:// x"])
def test_a_proxy_is_an_address(proxy: str) -> None:
    with pytest.raises(UsageError, match="proxy"):
        Manners(proxy=proxy)


@pytest.mark.parametrize("proxy", ["http://a:3128", "socks5h://127.0.0.1:9050", "https://u:p@a:1", "socks5://a:1"])
def test_proxies_that_are_taken(proxy: str) -> None:
    assert Manners(proxy=proxy).proxy == proxy


def test_we_say_who_we_are() -> None:
    # OONI's API gives clients that call themselves okhttp a canned answer.
    assert agent().startswith("clampdown")
