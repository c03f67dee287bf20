"""Law: what a feed says in prose says what it cannot say, and to whom it tells more than to others."""

from __future__ import annotations

from typing import Final

WARNING: Final = (
    "Using or testing such tools can be visible to those who watch the network, and may be punished. Reachable is not "
    "known to be safe or unobserved."
)
NOTE: Final = "reachable, not known to be safe or unobserved"
NOTHING: Final = (
    "no evidence: nothing is known of today, and nothing is advised. This does not say that no bridge is needed"
)
ABOUT: Final = (
    "Which ways through work in which country, as measurements of volunteers say it, for those who maintain such tools "
    "and for those who advise others. It is no endpoint for apps.",
    "no_evidence says that these data hold no test, or too few, or that the terms of a source do not allow passing it "
    "on. It never says that something works. After valid_until a file says nothing of today.",
    "Publishing has a price: the same table tells a censor what is left. So it is of whole countries, it names no "
    "bridge, front, gateway, address, network or measurement, and whether to publish it is the choice of whoever runs "
    "this feed.",
    "index.json is signed (index.json.sig, Ed25519) and names the SHA-256 of every other file. The key in public.pem "
    "proves nothing by itself: have it from whoever runs the feed, by another way.",
)
# Why the advice on a country does not move, as the operator is told.
WHY: Final = {
    "history": "the store does not hold enough days before to say what is usual there",
    "contested": "a transport that stood on the map does not qualify any more",
    "surge": "more vantage points than usual, or more new ones, tried it",
}
REASON: Final = {
    "none_qualifies": "no transport qualifies",
    "frozen": "nothing stood on the map when it was frozen",
    "expired": "what was frozen is not valid any more",
}
STEPS: Final = {
    "signature": "index.json is signed by this key",
    "index": "index.json is the index of a feed, and names files",
    "missing": "no file that it names is missing",
    "digests": "every file has the digest and the size that it names",
    "extra": "there is no file that it does not name",
    "forms": "every file is of its form, and they agree with each other",
}


def frozen(reasons: tuple[str, ...]) -> str:
    """Why a country's advice does not move, in words."""
    said = []
    for reason in reasons:
        kind, _, name = reason.partition(":")
        said.append(f"{WHY.get(kind, kind)}{f' ({name})' if name else ''}")
    return "; ".join(said)


__all__ = ["ABOUT", "NOTE", "NOTHING", "REASON", "STEPS", "WARNING", "WHY", "frozen"]
