"""Law: in a real shutdown users who vanish are not called users who left: the country is dark."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from clampdown.pipeline import api
from clampdown.pipeline.usage import usage_of

pytestmark = pytest.mark.shared
WAYS = (("tor", "relay", ("tor/relay-users",)),)
CUT = date(2026, 1, 8)


def test_iran_in_january_2026(shared: Path, tmp_path: Path) -> None:
    [signals] = (shared / "cases/signals").glob("ioda_ir_2026-*.csv")
    days = [date(2025, 12, 1) + timedelta(days=n) for n in range(58)]
    users = "".join(f"{day},ir,{300 if day >= CUT else 9000},,,80\n" for day in days)
    (tmp_path / "users.csv").write_text("date,country,users,lower,upper,frac\n" + users)
    api.ingest([signals, tmp_path / "users.csv"], tmp_path / "store", workers=1)
    store = api.open_store(tmp_path / "store")
    [before] = usage_of(store, "IR", "2026-01-05", WAYS)
    assert (before.trend, before.reason) == ("steady", None)
    assert before.connectivity == pytest.approx(1, abs=0.2)
    [dark] = usage_of(store, "IR", "2026-01-15", WAYS)
    assert (dark.trend, dark.reason, dark.adjusted) == ("unknown", "nearly_dark", None)
    assert dark.ratio == pytest.approx(300 / 9000)
    assert dark.connectivity is not None
    assert dark.connectivity < 0.5
