"""Law: Python takes what the command line takes, and says in its own errors what it cannot take."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import clampdown

sys.path.insert(0, str(Path(__file__).parent))
import made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("python")
    clampdown.ingest(made.write(folder), folder / "store", workers=1)
    return str(folder / "store")


@pytest.mark.parametrize("network", [64500, "64500", "AS64500", "as64500", [64500], ("AS64500", 64501)])
def test_python_takes_a_network_in_every_spelling(network: Any, store: str) -> None:
    opened = clampdown.open_store(store)
    rows = clampdown.verdicts(opened, network=network)
    assert rows.num_rows
    assert set(rows["network"].to_pylist()) <= {64500, 64501}
    if not isinstance(network, list | tuple):
        assert clampdown.report(opened, "XA", network=network).report.question.network == 64500


@pytest.mark.parametrize(
    "wanted",
    [
        {"network": -1}, {"network": "AS0"}, {"network": "Telecom"}, {"network": 1.5}, {"since": 5}, {"until": "soon"},
        {"country": 5}, {"country": "XAA"}, {"target": 5}, {"measurement": 5}, {"group": "nothing"},
    ],
)  # fmt: skip
def test_python_says_what_it_cannot_take(wanted: dict[str, Any], store: str) -> None:
    for call in (clampdown.verdicts, clampdown.observations, clampdown.cells):
        with pytest.raises(clampdown.Error) as said:
            call(store, **wanted)
        assert "damaged" not in str(said.value)
