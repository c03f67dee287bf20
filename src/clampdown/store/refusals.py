"""Law: what an object storage refuses is said in words of ours; of its own answer only the code is shown.

Answers may name the key that asked, and addresses may carry signatures: nothing of them is passed on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from clampdown.errors import EnvironmentFault

_CODE: Final = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_TRIES: Final = re.compile(r"after (\d+) retries")


@dataclass(frozen=True, slots=True)
class _Words:
    """What is wrong and what to do, for these codes (or statuses, or words of the client)."""

    what: str
    hint: str
    codes: tuple[str, ...]


_KEYS: Final = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
_LATER: Final = "Run the same command again later: what was committed is kept."
_ELSEWHERE: Final = _Words(
    "the bucket lies in another region, or at another endpoint",
    "Set AWS_REGION (and AWS_ENDPOINT_URL, where it is not Amazon's).",
    (
        "PermanentRedirect",
        "TemporaryRedirect",
        "IllegalLocationConstraintException",
        "301",
        "307",
        "308",
        "BareRedirect",
    ),
)
# The first row that knows the code counts; a status stands for answers without a code (HEAD has none).
_ANSWERS: Final = (
    _Words("there is no such bucket", "Make it first, or check the address and AWS_ENDPOINT_URL.", ("NoSuchBucket",)),
    _Words("the credentials are not known to the object storage", _KEYS, ("InvalidAccessKeyId", "InvalidToken")),
    _Words(
        "the secret key does not fit the access key, or a proxy changed the request",
        _KEYS,
        ("SignatureDoesNotMatch", "AuthorizationHeaderMalformed"),
    ),
    _Words("the session of the credentials has ended", "Log in again.", ("ExpiredToken", "TokenRefreshRequired")),
    _Words(
        "the clock of this machine is too far from that of the object storage",
        "Set the clock, then run the same command again.",
        ("RequestTimeTooSkewed", "RequestExpired"),
    ),
    _ELSEWHERE,
    _Words(
        "the object storage cannot do what a store needs: writes under a condition (If-None-Match, If-Match)",
        "Use a service that can, or a folder.",
        ("NotImplemented", "501"),
    ),
    _Words(
        "there is no room left in the bucket",
        "Free some and run the same command again: the store is whole.",
        ("QuotaExceeded", "XMinioStorageFull", "XAmzQuotaExceeded", "507"),
    ),
    _Words("the object storage is overloaded", _LATER, ("SlowDown", "ServiceUnavailable", "429", "503")),
    _Words("the object storage is out of order", _LATER, ("InternalError", "500", "502", "504")),
    _Words(
        "access denied",
        "The credentials must be allowed to list the bucket, and to get, put and delete its objects.",
        ("AccessDenied", "AllAccessDisabled", "AccountProblem", "401", "403"),
    ),
)
_REACH: Final = "Check AWS_ENDPOINT_URL and the network."
# What the client says where there was no answer.
_SILENCE: Final = (
    _Words(
        "no credentials for the object storage were found",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile in AWS_PROFILE.",
        ("169.254.169.254", "169.254.170.2", "/security-credentials", "credential"),
    ),
    _ELSEWHERE,
    _Words("the object storage cannot be found: no such host", _REACH, ("dns error", "failed to lookup")),
    _Words(
        "the certificate of the object storage does not hold",
        _REACH,
        ("InvalidCertificate", "UnknownIssuer", "invalid peer certificate"),
    ),
    _Words("the object storage did not answer in time", _LATER, ("TimedOut", "timed out", "Timeout")),
    _Words("the object storage is not reachable", _REACH, ("tcp connect error", "Connect", "BadScheme")),
    _Words("the connection to the object storage broke", _LATER, ("HTTP error", "error decoding response")),
)


def told(fault: BaseException, where: str) -> EnvironmentFault:
    """The error for a person."""
    text = str(fault)
    code = _CODE.search(text)
    status = _STATUS.search(text)
    if any(word in text for word in _SILENCE[0].codes[:3]):  # asked on the way: its status is not the bucket's
        return no_credentials(where)
    for known in (code and code[1], status and status[1]):
        for row in _ANSWERS:
            if known in row.codes:
                return EnvironmentFault(row.what + _often(text), where=where, hint=row.hint)
    if code or status:
        said = " ".join(found[1] for found in (status, code) if found)
        return EnvironmentFault(f"the object storage refuses: {said}", where=where)
    for row in _SILENCE:
        if any(word in text for word in row.codes if not word.isdecimal()):
            return EnvironmentFault(row.what + _often(text), where=where, hint=row.hint)
    return EnvironmentFault("the object storage gave an answer that is none", where=where, hint=_LATER)


def no_credentials(where: str) -> EnvironmentFault:
    """Nobody said who asks."""
    return EnvironmentFault(_SILENCE[0].what, where=where, hint=_SILENCE[0].hint)


def _often(text: str) -> str:
    """How often it was tried, where that was more than once."""
    tries = _TRIES.search(text)
    return "" if tries is None or tries[1] == "0" else f", asked {int(tries[1]) + 1} times"
