"""Law: an interval holds its share, and its ends are whole where nothing or everything was seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.detect.measure import interval, wilson


@given(st.floats(0, 1), st.floats(0.5, 1e6))
def test_an_interval_holds_its_share(share: float, n: float) -> None:
    low, high = interval(share, n)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1
    many = wilson(np.array([share]), np.array([n]))
    assert (float(many[0][0]), float(many[1][0])) == pytest.approx((low, high))


@given(st.floats(0.5, 1e6))
def test_nothing_seen_is_zero_and_all_seen_is_one(n: float) -> None:
    assert interval(0.0, n)[0] == 0.0
    assert interval(1.0, n)[1] == 1.0
    low, high = wilson(np.array([0.0, 1.0]), np.array([n, n]))
    assert (low[0], high[1]) == (0.0, 1.0)
    assert 0 < high[0] < 1
    assert 0 < low[1] < 1
