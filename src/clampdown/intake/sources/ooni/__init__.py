"""Law: every record of OONI's gives one measurement or one reject; a nettest is one function in one table.

A reader is `(m, rows) -> None`: it turns `m.keys` (test_keys as found) into rows, and may set `m.target`, `m.control`,
`m.instrument`, `m.peer`. A test that no function is listed for is read generically: every template found anywhere in
it becomes rows. Beside the records themselves stand two kinds of table that OONI's own pipeline makes of them, each a
source of its own: flat observations and scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from clampdown.intake.containers import OBSERVATIONS as FLAT
from clampdown.intake.containers import SCORES as SCORED
from clampdown.intake.containers import Raw, table_kind
from clampdown.intake.features import Kit
from clampdown.intake.sources import Source
from clampdown.intake.sources.ooni import (
    dnscheck,
    legacy,
    messengers,
    middlebox,
    observations,
    performance,
    pings,
    scores,
    tables,
    targeted,
    tor,
    tunnels,
)
from clampdown.intake.sources.ooni.nettest import whole
from clampdown.intake.sources.ooni.read import Reader, read_records, sniff
from clampdown.intake.sources.ooni.web_connectivity import read_web_connectivity
from clampdown.model import Batch, Reject

TESTS: Final[dict[str, Reader]] = {
    "web_connectivity": whole(read_web_connectivity),
    **messengers.TESTS,
    **tor.TESTS,
    **tunnels.TESTS,
    **dnscheck.TESTS,
    **middlebox.TESTS,
    **performance.TESTS,
    **pings.TESTS,
    **targeted.TESTS,
    **legacy.TESTS,
}


def read(records: Iterable[Raw | Reject], kit: Kit) -> Iterator[Batch]:
    """Records in, batches out: every record is one measurements row or one reject."""
    return read_records(records, kit, TESTS)


SOURCE: Final = Source("ooni", sniff, read)


def read_observations(records: Iterable[Raw | Reject], kit: Kit) -> Iterator[Batch]:
    """Tables of observations: the rows of one measurement are one record."""
    return tables.read_tables(records, kit, OBSERVATIONS.name, observations.observe)


def read_scores(records: Iterable[Raw | Reject], kit: Kit) -> Iterator[Batch]:
    """Tables of scores: the rows of one measurement are one record."""
    return tables.read_tables(records, kit, SCORES.name, scores.observe)


OBSERVATIONS: Final = Source("ooni_observations", lambda data: table_kind(data) == FLAT, read_observations)
SCORES: Final = Source("ooni_analysis", lambda data: table_kind(data) == SCORED, read_scores)
