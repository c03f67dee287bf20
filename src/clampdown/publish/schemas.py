"""Law: every output has a schema, and the schema is made from the record that is written, never beside it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from clampdown.assess import rank_document as rank
from clampdown.assess.document import Report
from clampdown.evidence import Proof
from clampdown.publish import feeds, outages, ways
from clampdown.publish import ways_feed_document as feed
from clampdown.publish.findings import Event, Finding, Member, Note
from clampdown.publish.judged import Line
from clampdown.publish.show import Shown

OUTPUTS: Final[dict[str, tuple[str, Any]]] = {
    "access": ("One line of `clampdown access --format jsonl`", ways.Line),
    "access-feed": ("feed/v1/<CC>.json of `clampdown access --feed`", feed.Country),
    "access-feed-index": ("index.json of `clampdown access --feed`", feed.Index),
    "access-feed-map": ("map.json of `clampdown access --feed --map`", feed.Map),
    "events": ("One line of `clampdown events --format jsonl`", Event),
    "findings": ("One line of `clampdown findings --format jsonl`", Finding),
    "judge": ("One line of `clampdown judge --format jsonl`", Line),
    "members": ("One line of `clampdown events --members --format jsonl`", Member),
    "notes": ("One line of `clampdown notes --format jsonl`", Note),
    "outages": ("One line of `clampdown outages --format jsonl`", outages.Line),
    "rank": ("One line of `clampdown rank --format jsonl`", rank.Line),
    "report": ("report.json of `clampdown report`", Report),
    "show": ("`clampdown show --json`", Shown),
    "verify": ("`clampdown verify --json`", Proof),
    "watch": ("One line of `clampdown watch --format jsonl`", feeds.Line),
}


def schema(name: str) -> bytes:
    """The JSON Schema of one output, as it lies in docs/schema/<name>.json."""
    title, kind = OUTPUTS[name]
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **msgspec.json.schema(kind)}
    return msgspec.json.format(msgspec.json.encode(made, order="sorted"), indent=2) + b"\n"
