"""Law: a template is read into one struct whatever its age; a field that does not fit costs that field and is named.

Facts of the shapes: OONI data format specification, df-001 (httpt), df-002 (dnst), df-005 (tcpconnect),
df-006 (tlshandshake), df-008 (netevents). Fields that nothing reads are not listed, so they are never decoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, TypeVar, get_args

import msgspec

UNSET = msgspec.UNSET
# Numbers that a column can hold: a larger one costs its field instead of the batch.
Whole = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]


class Answer(msgspec.Struct, gc=False):
    """df-002, one answer."""

    answer_type: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    hostname: str | None = None
    asn: Whole | str | None = None


class Query(msgspec.Struct, gc=False):
    """df-002, one lookup."""

    engine: str | None = None
    failure: Any = UNSET
    hostname: str | None = None
    query_type: str | None = None
    resolver_address: str | None = None
    resolver_hostname: str | None = None
    answers: list[Answer] | None = None
    t0: float | None = None
    t: float | None = None
    tags: tuple[str, ...] | None = None
    transaction_id: Whole | None = None


class Status(msgspec.Struct, gc=False):
    """df-005, how the connect ended."""

    success: Any = None
    failure: Any = UNSET


class Connect(msgspec.Struct, gc=False):
    """df-005, one TCP connect."""

    ip: str | None = None
    port: Whole | None = None
    status: Status | None = None
    t0: float | None = None
    t: float | None = None
    tags: tuple[str, ...] | None = None
    transaction_id: Whole | None = None


class Handshake(msgspec.Struct, gc=False):
    """df-006, one TLS or QUIC handshake."""

    network: str | None = None
    address: str | None = None
    server_name: str | None = None
    outer_server_name: str | None = None
    echconfig: str | None = None
    tls_version: str | None = None
    negotiated_protocol: str | None = None
    no_tls_verify: Any = None
    peer_certificates: list[Any] | None = None
    failure: Any = UNSET
    so_error: Any = None
    t0: float | None = None
    t: float | None = None
    tags: tuple[str, ...] | None = None
    transaction_id: Whole | None = None


class Asked(msgspec.Struct, gc=False):
    """df-001, the request; its headers are the probe's own and are not kept."""

    url: str | None = None
    method: str | None = None
    x_transport: str | None = None


class Answered(msgspec.Struct, gc=False):
    """df-001, the response; header values and body are text or {"format": "base64", "data": ...}."""

    code: Whole | None = None
    body: Any = None
    body_is_truncated: bool | None = None
    headers_list: list[Any] | None = None
    headers: Any = None


class Request(msgspec.Struct, gc=False):
    """df-001, one round trip."""

    failure: Any = UNSET
    network: str | None = None
    address: str | None = None
    alpn: str | None = None
    request: Asked | None = None
    response: Answered | None = None
    t0: float | None = None
    t: float | None = None
    tags: tuple[str, ...] | None = None
    transaction_id: Whole | None = None


class Event(msgspec.Struct, gc=False):
    """df-008, one network event; its tags are those of its transaction."""

    operation: str | None = None
    address: str | None = None
    num_bytes: Whole | None = None
    proto: str | None = None
    t0: float | None = None
    t: float | None = None
    transaction_id: Whole | None = None


class RawAnswered(Answered, gc=False):
    """A response straight from the bytes: headers stand there twice, and only one of the two is decoded."""

    headers_list: msgspec.Raw = msgspec.Raw()  # pyright: ignore[reportIncompatibleVariableOverride]
    headers: msgspec.Raw = msgspec.Raw()


class RawRequest(Request, gc=False):
    """A round trip straight from the bytes."""

    response: RawAnswered | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


S = TypeVar("S", bound=msgspec.Struct)


def items(value: object, kind: type[S], name: str, degraded: set[str]) -> list[S]:
    """The list under a key, whatever was found there: null, a map for a list, items that do not fit."""
    if not value:
        return []
    try:
        return msgspec.convert(value, list[kind], strict=False)
    except (msgspec.ValidationError, RecursionError):
        pass
    if isinstance(value, dict):
        # Some broken probes wrote a map where the specification has a list; its values are the items.
        value = [value] if any(key in value for key in kind.__struct_fields__) else list(value.values())
        degraded.add(name)
    if not isinstance(value, list):
        degraded.add(name)
        return []
    found: list[S] = []
    for item in value:
        read = one(item, kind, name, degraded)
        if read is not None:
            found.append(read)
    return found


def one(value: object, kind: type[S], name: str, degraded: set[str]) -> S | None:
    """One struct from a map; fields that do not fit are left at their default and named in `degraded`."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, RecursionError):
        pass
    if not isinstance(value, dict):
        if value is not None:
            degraded.add(name)
        return None
    fields: dict[str, Any] = {}
    for field, form, inner, many in _fields(kind):
        if field not in value:
            continue
        found = value[field]
        place = f"{name}.{field}"
        if inner is not None:
            fields[field] = items(found, inner, place, degraded) if many else one(found, inner, place, degraded)
            continue
        try:
            fields[field] = msgspec.convert(found, form, strict=False)
        except (msgspec.ValidationError, RecursionError):
            degraded.add(place)
    return kind(**fields)


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, Any, Any, bool], ...]:
    """(name, type, struct inside or None, whether in a list) for each field; pure, so caching is safe."""
    return tuple((f.encode_name, f.type, *_inner(f.type)) for f in msgspec.structs.fields(kind))


def _inner(form: Any) -> tuple[Any, bool]:
    for option in _options(form):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return option, False
        arguments = get_args(option)
        if arguments and isinstance(arguments[0], type) and issubclass(arguments[0], msgspec.Struct):
            return arguments[0], True
    return None, False


def _options(form: Any) -> Iterable[Any]:
    arguments = get_args(form)
    return arguments if arguments and not hasattr(form, "__origin__") else (form,)
