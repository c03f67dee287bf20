"""Law: the envelope gives one measurements row whatever the nettest; each of its fields may fail alone.

OONI data format specification df-000 (base). Any key may be null, missing or of another type; `annotations` may be
null or a list; AS0 and ZZ mean "not known". The collector adds `measurement_uid`, `is_verified` and `probe_id`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from clampdown.intake.features import Kit, Memo, asn_of, port_of
from clampdown.intake.identity import measurement_id, received_of, repeat_of, time_of, when
from clampdown.intake.redact import NOT_A_PROBE, SCRUBBED, Secrets, public_text
from clampdown.intake.rows import Row

_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.+/:()~-]{0,79}")
_TEST: Final = re.compile(r"[a-z0-9_]{1,64}")
_REPORT: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


class Envelope(msgspec.Struct, gc=False):
    """What the envelope holds, leaves as found."""

    measurement_uid: Any = None
    is_verified: Any = None
    probe_id: Any = None
    report_id: Any = None
    input: Any = None
    measurement_start_time: Any = None
    test_start_time: Any = None
    test_name: Any = None
    test_version: Any = None
    test_runtime: Any = None
    software_name: Any = None
    software_version: Any = None
    probe_asn: Any = None
    probe_cc: Any = None
    probe_ip: Any = None
    resolver_asn: Any = None
    resolver_ip: Any = None
    annotations: Any = None


@dataclass(slots=True, eq=False)
class Measurement:
    """One record while it is read: what every reader of a nettest needs to write rows."""

    env: Envelope
    keys: dict[str, Any]  # test_keys as found; empty where null, or where a reader decodes its own structs
    test: str | None
    memo: Memo
    secrets: Secrets
    degraded: set[str] = field(default_factory=set[str])
    tagged: bool = False  # some step carries the tag `classic`
    given: str | None = None  # the input, redacted
    url: str | None = None  # the input as found, where it is a URL or a host; never a row
    scheme: str | None = None
    host: str | None = None  # punycode name, else address, of the input
    port: int | None = None  # port the input leads to, defaults filled in
    target: str | None = None  # the target the test was asked for
    start: datetime | None = None
    network: int | None = None
    resolver: int | None = None  # network of the resolver
    control: str = "none"
    instrument: str | None = None
    peer: str | None = None
    names: dict[str, str] = field(default_factory=dict[str, str])  # address -> name, from answers
    asns: dict[str, int] = field(default_factory=dict[str, int])  # address -> network, from answers and the control
    ends: dict[float, str] = field(default_factory=dict[float, str])  # end of a handshake -> its endpoint
    hosts: dict[int, str] = field(default_factory=dict[int, str])  # transaction -> name
    tags: dict[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])  # of a transaction
    hops: dict[int, str] = field(default_factory=dict[int, str])  # redirect hop -> name

    @property
    def kit(self) -> Kit:
        """The reference data of this run."""
        return self.memo.kit

    def text(self, value: object, limit: int = 300) -> str | None:
        """Free text fit to be stored: personal data out, the record's own addresses out, cut to a length."""
        if not isinstance(value, str) or not value:
            return None
        return public_text(self.secrets.remove(clean(value)), limit) or None

    def ip(self, text: str | None) -> str | None:
        """An address in its canonical spelling; None where scrubbed, or where it is the record's own."""
        found = self.memo.ip(text)
        return None if found in self.secrets.canonical else found

    def name(self, text: str | None) -> str | None:
        """A host name in punycode; None for an address, or where the name spells the record's own address."""
        found = self.memo.host(text)
        return None if found is not None and self.secrets and self.secrets.within(found) else found


def clean(value: str) -> str:
    """Text that can be stored as UTF-8: lone surrogates and NUL become visible marks."""
    if value.isascii():
        return value.replace("\0", " ") if "\0" in value else value
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-8", "replace").decode()
    return value.replace("\0", " ")


def open_measurement(env: Envelope, keys: dict[str, Any], memo: Memo, client_resolver: object = None) -> Measurement:
    """A Measurement with everything that follows from the envelope, before its test is read."""
    network, resolver = asn_of(env.probe_asn), asn_of(env.resolver_asn)
    own = [_text(env.probe_ip)]
    if resolver is None or resolver == network:
        # A resolver inside the probe's network, or nobody knows where: its full address is not kept.
        own += [_text(env.resolver_ip), _text(client_resolver)]
    known = tuple([text for text in own if text and text not in NOT_A_PROBE])
    m = Measurement(env, keys, None, memo, memo.secrets(known) if known else _NO_SECRETS)
    m.network, m.resolver = network, resolver
    m.test = formed(m, env.test_name, "test_name", _TEST)
    m.start = time_of(env.measurement_start_time)
    if m.start is None:
        m.degraded.add("measurement_start_time")
        m.start = time_of(env.test_start_time)
    _input(m)
    return m


_NO_SECRETS: Final = Secrets(())


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def token(m: Measurement, value: object, name: str) -> str | None:
    """A short machine-written word of the envelope; anything else costs the field."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        value = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else "\0"
    words = m.memo.words
    try:
        found = words[value]
    except KeyError:
        found = public_text(value, 80) if _TOKEN.fullmatch(value) else None
        if len(words) < 10_000:
            words[value] = found
    if found is None or (m.secrets and m.secrets.within(found)):
        m.degraded.add(name)
        return None
    return found


def formed(m: Measurement, value: object, name: str, form: re.Pattern[str]) -> str | None:
    """A word of exactly this form; anything else costs the field."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and form.fullmatch(value) and not (m.secrets and m.secrets.within(value)):
        return value
    m.degraded.add(name)
    return None


def _input(m: Measurement) -> None:
    """The input in the parts that are needed. Its query and user names are not kept; its host is the web target."""
    found = m.env.input
    if isinstance(found, list) and found and isinstance(found[0], str):
        m.degraded.add("input")
        found = found[0]
    if found is None or found == "":
        return
    if not isinstance(found, str):
        m.degraded.add("input")
        return
    m.url = found
    inputs = m.memo.inputs
    try:
        parts = inputs[found]
    except KeyError:
        if len(inputs) > _INPUTS:
            inputs.clear()
        parts = inputs[found] = _parts(found, m.memo)
    if parts is None:
        if m.test in _ASKED and not _names_a_host(found, m.memo):
            m.degraded.add("input")
        m.given = m.text(found, 200)
        return
    scheme, host, port, target, given = parts
    m.scheme = scheme
    if m.secrets and m.secrets.within(found):
        m.given = m.secrets.remove(given)
        if host in m.secrets.canonical or m.secrets.within(host):
            m.given = f"{scheme}://{SCRUBBED}/"
            return
        given = m.given
    m.host, m.port, m.target, m.given = host, port, target, given


_INPUTS: Final = 50_000
_HOST_PORT: Final = re.compile(r"(:\d{1,5})?(/.*)?$", re.DOTALL)  # what may follow a host
# Tests whose input is a URL or a host; those of others may be a bridge line, an endpoint or a word.
_ASKED: Final = frozenset(
    {
        "web_connectivity", "http_requests", "browser_web", "urlgetter", "echcheck",
        "dnscheck", "stunreachability", "dnsping", "quicping", "simplequicping", "tcpping", "tlsping", "sni_blocking",
    }
)  # fmt: skip


def _names_a_host(found: str, memo: Memo) -> bool:
    bare = _HOST_PORT.sub("", found)
    return (memo.ip(found) or memo.ip(bare) or memo.host(bare)) is not None


def _parts(found: str, memo: Memo) -> tuple[str, str, int | None, str | None, str] | None:
    """(scheme, host, port, target, what may be kept) of an input that is a URL; None where it is something else."""
    parts = memo.url(found)
    host = (parts.ip or parts.name) if parts is not None else None
    if parts is None or host is None:
        return None
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = port_of(parts.port)
    shown = None if port == default else port
    where = f"[{host}]" if ":" in host else host
    given = f"{parts.scheme}://{where}{f':{shown}' if shown else ''}{clean(parts.shown)}"
    return parts.scheme, host, port or default, memo.target(host, shown), given


def measurement_row(
    m: Measurement,
    digest: str,
    canonical: str | None,
    file: str,
    member: str | None,
    line: int | None,
    source: str = "ooni",
) -> Row:
    """The measurements row, in the order of the model; `canonical` stands in where nothing names the record."""
    env = m.env
    uid = env.measurement_uid if isinstance(env.measurement_uid, str) else None
    identity = measurement_id(uid, member, file) or canonical or "x" + digest[:32]
    version, software, platform, kind_of_network, country, vantage, kind, report = _session(m)
    received = received_of(identity, file, member)
    placed = when(m.start, received, report)
    runtime = _seconds(m, env.test_runtime)
    return (
        identity, digest, m.kit.references, source, locator(file, member, line), m.test, version, software, platform,
        kind_of_network, country, m.network, m.resolver, m.start, received, placed.day, placed.hour, vantage, kind,
        report, repeat_of(report, m.url, _start_text(m)), m.given, m.target, runtime, m.control,
        "clock" if placed.clock_error else m.instrument, ",".join(sorted(m.degraded)) if m.degraded else "", m.peer,
    )  # fmt: skip


def _session(m: Measurement) -> tuple[Any, ...]:
    """What the measurements of one session share, worked out once: test version, software, platform, vantage..."""
    env = m.env
    notes: Mapping[str, Any] = env.annotations if isinstance(env.annotations, dict) else {}
    platform, kind_of_network = notes.get("platform"), notes.get("network_type")
    key = (
        env.test_version, env.software_name, env.software_version, platform, kind_of_network, env.probe_cc,
        env.report_id, env.probe_id, env.is_verified, m.secrets,
    )  # fmt: skip
    sessions = m.memo.sessions
    try:
        found = sessions[key]
    except KeyError:
        pass
    except TypeError:  # a list or a map stands in one of these places
        return _read_session(m, platform, kind_of_network)
    else:
        return found
    before = len(m.degraded)
    found = _read_session(m, platform, kind_of_network)
    if len(m.degraded) == before and isinstance(env.annotations, dict | None):
        if len(sessions) > _SESSIONS:
            sessions.clear()
        sessions[key] = found
    return found


_SESSIONS: Final = 20_000


def _read_session(m: Measurement, platform: object, kind_of_network: object) -> tuple[Any, ...]:
    env = m.env
    if not isinstance(env.annotations, dict | None) and env.annotations != []:
        m.degraded.add("annotations")
    report = formed(m, env.report_id, "report_id", _REPORT)
    software = token(m, env.software_name, "software_name")
    version = token(m, env.software_version, "software_version")
    return (
        token(m, env.test_version, "test_version"),
        f"{software or ''}/{version or ''}" if software or version else None,
        token(m, platform, "annotations.platform"),
        token(m, kind_of_network, "annotations.network_type"),
        _country(m),
        *vantage_of(env, report),
        report,
    )


def _start_text(m: Measurement) -> str | None:
    return None if m.start is None else m.start.isoformat()


def _country(m: Measurement) -> str | None:
    code = m.env.probe_cc
    if isinstance(code, str) and _COUNTRY.fullmatch(code.strip().upper()):
        code = code.strip().upper()
        return None if code == "ZZ" else code
    if code not in (None, "", "ZZ"):
        m.degraded.add("probe_cc")
    return None


def _seconds(m: Measurement, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e12 < value < 1e12:
        m.degraded.add("test_runtime")
        return None
    return float(value)


def vantage_of(env: Envelope, report: str | None) -> tuple[str | None, str]:
    """(local key, kind): the credentialed id where the collector verified one, else the report session."""
    identity = env.probe_id
    if isinstance(identity, str) and identity and env.is_verified not in ("f", "u", False):
        return "c" + hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32], "credential"
    if report:
        return "s" + hashlib.sha256(report.encode()).hexdigest()[:32], "session"
    return None, "none"


def locator(file: str, member: str | None, line: int | None) -> str:
    """File name, member and line; never a directory of the reader's machine."""
    place = file.replace("\\", "/").rpartition("/")[2] if "/" in file or "\\" in file else file
    if member:
        place += "!" + member.replace("\\", "/").replace("../", "")
    return f"{place}:{line}" if line is not None else place
