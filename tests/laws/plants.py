"""Law: every kind of personal datum has a form here for each place where it could stand, and a piece to look for."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "intake"))
import nettests
import records

PROBE4, PROBE6, RESOLVER = "37.201.195.77", "2a02:908:1234:5600::77", "37.201.0.53"
HEX = "0123456789ABCDEF0123456789ABCDEF01234567"
WHO, WORD = "j0hndoe", "s3cr3tword"
# What says who measured: stays in the store's local columns, and nowhere else.
PROBE_ID = "5eed" * 16
REPORT = "20240301T101100Z_webconnectivity_XA_64500_n1_0123456789abcdef"
TUNNELS = ("tor", "vanilla_tor", "torsf", "bridge_reachability", "psiphon", "openvpn", "riseupvpn")
_OPAQUE = f"{HEX} cert=S3cretCert+abc iat-mode=0"


class Kind(NamedTuple):
    """A datum: the texts in which it is planted, and pieces of which none may be found again."""

    texts: tuple[str, ...]
    pieces: tuple[str, ...]
    tests: tuple[str, ...] | None = None  # only here is it known to be personal


def _address(*spellings: str) -> tuple[str, ...]:
    return tuple(
        form.format(spelling)
        for spelling in spellings
        for form in ("{}", "you are {} today", "<title>You are {}</title>", "ip={}&x=1", "X-Client: {}")
    )


KINDS: dict[str, Kind] = {
    "probe v4": Kind(
        (*_address(PROBE4), f"{PROBE4}:443", f"http://{PROBE4}/x", f"https://birds.example/{PROBE4}", f"//{PROBE4}/"),
        (PROBE4,),
    ),
    "probe v4 in a name": Kind(
        ("37-201-195-77.dyn.isp.example", "dsl-37-201-195-77.isp.example", "https://37-201-195-77.isp.example/"),
        ("37-201-195-77",),
    ),
    "probe v4 reversed": Kind(("77.195.201.37.in-addr.arpa",), ("77.195.201.37",)),
    "probe v4 as a number": Kind(("id 633979725", "http://633979725/"), ("633979725",)),
    "probe v6": Kind(
        (*_address(PROBE6, PROBE6.upper()), f"[{PROBE6}]:443", f"https://[{PROBE6}]/x"),
        (PROBE6,),
    ),
    "probe v6 in full": Kind(
        (*_address("2a02:0908:1234:5600:0000:0000:0000:0077"),), ("2a02:0908:1234", PROBE6)
    ),
    "resolver": Kind((*_address(RESOLVER), f"{RESOLVER}:53", f"udp://{RESOLVER}:53"), (RESOLVER,)),
    "someone's address": Kind(("seen from 37.201.9.8 here", "hop 2a02:908:9::8."), ("37.201.9.8", "2a02:908:9::8")),
    "first hop": Kind(("gateway 37.201.195.1 answered",), ("37.201.195.1",)),
    "cookie": Kind(
        (f"Set-Cookie: sid={WORD}; Path=/", f"cookie: a={WORD}", f"Cookie2={WORD}"), (WORD,)
    ),
    "query": Kind(
        (f"https://portal.example/login?user={WHO}&t={WORD}", f"/login?user={WHO}", f"http://a.example/#t={WORD}"),
        (WHO, WORD),
    ),
    "user in a path": Kind(
        (f"https://portal.example/users/{WHO}/page", f"/~{WHO}/", f"https://social.example/@{WHO}", f"/profile/{WHO}"),
        (WHO,),
    ),
    "home folder": Kind(
        (f"open /home/{WHO}/.cache: no such file", rf"C:\Users\{WHO}\AppData: no", f"/Users/{WHO}/Library"), (WHO,)
    ),
    "user in a URL": Kind((f"https://{WHO}:{WORD}@portal.example/",), (WHO, WORD)),
    "mail": Kind((f"write to {WHO}@mail.example",), (WHO,)),
    "bridge line": Kind(
        (f"obfs4 37.201.9.8:443 {_OPAQUE}", f"Bridge 37.201.9.8:443 {_OPAQUE}", f"new bridge (fresh): ${HEX}~x"),
        ("37.201.9.8", HEX, "S3cretCert"),
    ),
    "bridge": Kind((nettests.BRIDGE, f"[notice] at {nettests.BRIDGE}"), (nettests.BRIDGE.split(":")[0],), TUNNELS),
    "gateway": Kind(
        (nettests.GATEWAY, f"{nettests.GATEWAY}:1194", f"openvpn://{nettests.GATEWAY}:1194/udp"),
        (nettests.GATEWAY,),
        TUNNELS,
    ),
}  # fmt: skip


@cache
def certificate(text: str) -> str:
    """A certificate that holds the text in its subject, its issuer and its names, base64 DER."""
    key = ec.derive_private_key(7, ec.SECP256R1())
    names = [x509.NameAttribute(oid, text[:60]) for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)]
    start = datetime(2024, 1, 1)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(x509.Name(names))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.OtherName(NameOID.COMMON_NAME, b"\x0c\x01x")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def bases() -> Iterator[tuple[str, dict[str, Any]]]:
    """A record of every nettest, its envelope naming the probe's and the resolver's addresses, its handshakes with
    certificates, its lookups with raw answers."""
    web = records.web(
        network_events=[
            {"operation": "read", "address": records.ENDPOINT, "num_bytes": 5, "t": 0.1, "proto": "tcp", "tags": ["x"]}
        ],
        x_dns_duplicate_responses=[{"hostname": "birds.example", "engine": "udp", "answers": None, "failure": None}],
        client_resolver=RESOLVER,
        dns_experiment_failure="x",
    )
    keys = web["test_keys"]
    keys["requests"][0]["response"]["headers_list"] += [["Location", "https://birds.example/x"], ["Via", "x"]]
    keys["requests"].append({**keys["requests"][0], "failure": "unknown_failure: x", "response": None})
    keys["queries"][0]["answers"].append({"answer_type": "CNAME", "hostname": "alias.example"})
    keys["queries"][0]["failure"] = "unknown_failure: x"
    yield "web_connectivity", _dressed(web)
    for number, (test, keys, given) in enumerate(nettests.EXAMPLES):
        yield f"{test} {number}", _dressed(records.envelope(test, keys, input=given))


def _dressed(record: dict[str, Any]) -> dict[str, Any]:
    own = {
        "probe_ip": PROBE4, "resolver_ip": RESOLVER, "probe_id": PROBE_ID, "is_verified": "t", "report_id": REPORT,
        "probe_city": "x", "options": ["x"], "test_helpers": {"backend": {"address": "x", "type": "https"}},
    }  # fmt: skip
    return _walked(record | own)


def _walked(value: Any) -> Any:
    if isinstance(value, list):
        return [_walked(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _walked(item) for key, item in value.items()}
    if "server_name" in found and "address" in found:
        found |= {"peer_certificates": [{"format": "base64", "data": "CERT"}], "so_error": "x"}
    if "query_type" in found:
        found["raw_response"] = "RAW"
    return found


KEPT = {("probe_ip",), ("resolver_ip",), ("resolver_asn",), ("probe_asn",)}  # by these the addresses are known


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """The path of every string, and of every key of a map (true): keys carry addresses and URLs as well."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), True
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))
    elif isinstance(value, str) and path not in KEPT:
        yield path, False


def put(value: Any, path: tuple[Any, ...], text: Any, *, key: bool) -> Any:
    """The structure with one string, or one key, replaced."""
    if not path:
        return text
    first, rest = path[0], path[1:]
    if isinstance(value, dict):
        if key and not rest:
            return {text if name == first else name: inner for name, inner in value.items()}
        return {name: put(inner, rest, text, key=key) if name == first else inner for name, inner in value.items()}
    return [put(inner, rest, text, key=key) if at == first else inner for at, inner in enumerate(value)]


def form(path: tuple[Any, ...], text: str) -> Any:
    """The text as it could stand there: inside a certificate, inside bytes, or plain."""
    if "peer_certificates" in path:
        return certificate(text)
    if path and path[-1] == "raw_response":
        return base64.b64encode(text.encode()).decode()
    return text


def _public(path: tuple[Any, ...], record: dict[str, Any]) -> bool:
    """Where nobody can know of a bridge: the answer to a published name, an authority's target, another test."""
    if "answers" in path or path == ("test_name",):
        return True
    target = record["test_keys"].get("targets", {}).get(path[2], {}) if len(path) > 2 and path[1] == "targets" else {}
    return target.get("target_protocol") in ("or_port_dirauth", "dir_port")


def planted(base: dict[str, Any], kind: Kind) -> Iterator[dict[str, Any]]:
    """The record once for every place, a form of the datum standing there; forms take turns over the places."""
    record = base | {"probe_ip": PROBE6} if any(PROBE6 in piece for piece in kind.pieces) else base
    for number, (path, key) in enumerate(places(record)):
        if kind.tests is not None and _public(path, record):
            continue
        if key and len(path) < 3:
            continue  # a key of the envelope or of the test: the field is merely missing then
        for text in {kind.texts[number % len(kind.texts)], kind.texts[0]}:
            yield put(record, path, text if key else form(path, text), key=key)
            if not key and len(path) > 1:
                data = {"format": "base64", "data": base64.b64encode(text.encode()).decode()}
                yield put(record, path, data, key=False)


def full(base: dict[str, Any], kind: Kind, text: str) -> dict[str, Any]:
    """The record with the datum in every string of the test's keys and in the input at once."""
    record = base | {"probe_ip": PROBE6} if any(PROBE6 in piece for piece in kind.pieces) else dict(base)
    for path, key in list(places(record["test_keys"])):
        if not key and not (kind.tests is not None and _public(("test_keys", *path), record)):
            record["test_keys"] = put(record["test_keys"], path, form(path, text), key=False)
    return record | {"input": text, "measurement_uid": None}
