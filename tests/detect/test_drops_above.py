"""Law: a fall from above what was expected is one fall: the good bins of its first hour do not end it."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from clampdown.detect.detectors.drops import detect
from clampdown.detect.manners import load_manners

BINS = 288


@pytest.mark.parametrize("offset", [4, 12, 100])
def test_a_fall_from_above_lasts_until_it_is_over(offset: int) -> None:
    """A count that wanders from day to day is gone for four hours of a day that is higher than expected."""
    rng = np.random.default_rng(1)
    daily = np.repeat(np.append(rng.normal(0, 0.05, 30), [0.4, 0, 0, 0, 0]), BINS)
    values = np.rint(3500 * np.exp(rng.normal(0, 0.05, len(daily)) + daily))
    begin, end = 30 * BINS + offset, 30 * BINS + offset + 48
    values[begin:end] = 0
    found = detect(values[None], datetime(2023, 1, 2), 300, load_manners().of("telescope/sources", "background"))[0]
    assert [(one.before, one.end_before, one.rise) for one in found] == [(begin, end, False)]
