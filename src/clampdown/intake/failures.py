"""Law: a failure has one name whatever the probe's age and language; what is missing never reads as success.

Names: OONI data format specification df-007. Older probes wrote names of their libraries, `false` for none and `true`
for some; Windows probes wrote the system's sentence in the system's language after `unknown_failure:`. The sentences
below are Microsoft's texts for Winsock errors 10051 to 10065 and 11001 to 11004.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

OK: Final = "ok"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"
FREE_TEXT: Final = "unknown_failure"

_NAMES_LIST: Final = """
    android_dns_cache_no_data connection_aborted connection_already_closed connection_refused connection_reset
    dns_bogon_error dns_no_answer dns_non_recoverable_failure dns_nxdomain_error dns_reply_with_wrong_query_id
    dns_refused_error dns_server_misbehaving dns_servfail_error dns_temporary_failure eof_error generic_timeout_error
    host_unreachable http_invalid_redirect_location_host http_request_failed http_unexpected_redirect_url
    http_unexpected_status_code interrupted json_parse_error network_down network_reset network_unreachable
    operation_canceled quic_incompatible_version ssl_failed_handshake ssl_invalid_hostname ssl_unknown_authority
    ssl_invalid_certificate address_not_available invalid_argument message_size timed_out not_connected
    operation_would_block address_in_use bad_address bad_file_descriptor destination_address_required
    address_family_not_supported no_protocol_option permission_denied protocol_not_supported
    wrong_protocol_type"""
NAMES: Final = frozenset(_NAMES_LIST.split())
# Names that older probes (the Python one, then Measurement Kit) wrote for the same things.
OLD: Final = {
    "dns_lookup_error": "dns_lookup_error",
    "dns_name_error": "dns_nxdomain_error",
    "dns_server_failure": "dns_servfail_error",
    "dns_query_refused": "dns_refused_error",
    "dns_timeout": "generic_timeout_error",
    "no_answer": "dns_no_answer",
    "connect_error": "connect_error",
    "connection_refused_error": "connection_refused",
    "connection_reset_by_peer": "connection_reset",
    "connection_lost_error": "eof_error",
    "connection_done": "eof_error",
    "response_never_received": "eof_error",
    "tcp_timed_out_error": "generic_timeout_error",
    "tcp_timeout_error": "generic_timeout_error",
    "timed_out": "generic_timeout_error",
    "timeout_error": "generic_timeout_error",
    "timeout": "generic_timeout_error",
    "task_timed_out": "generic_timeout_error",
    "deferred_timeout_error": "generic_timeout_error",
    "no_route_to_host": "host_unreachable",
    "host_unreachable_error": "host_unreachable",
    "network_unreachable_error": "network_unreachable",
    "eof": "eof_error",
    "ssl_error": "ssl_failed_handshake",
    "ssl_dirty_shutdown": "ssl_failed_handshake",
    "socks_host_unreachable": "host_unreachable",
    "socks_connection_refused": "connection_refused",
    "socks_ttl_expired": "host_unreachable",
    "socks_network_unreachable": "network_unreachable",
    "connection_aborted_error": "connection_aborted",
}
# A piece of the sentence (lower case) -> the name. The first that occurs decides.
SENTENCES: Final[tuple[tuple[str, str], ...]] = (
    # 10054, connection reset by peer
    ("connection reset by peer", "connection_reset"),
    ("forcibly closed by the remote host", "connection_reset"),
    ("принудительно разорвал существующее подключение", "connection_reset"),
    ("verbindung wurde vom remotehost geschlossen", "connection_reset"),
    ("connexion existante a dû être fermée", "connection_reset"),
    ("interrupción de una conexión existente por el host remoto", "connection_reset"),
    ("forçado o cancelamento de uma conexão existente", "connection_reset"),
    ("interrotta forzatamente dall'host remoto", "connection_reset"),
    ("uzaktaki bir ana bilgisayar tarafından zorla kapatıldı", "connection_reset"),
    ("远程主机强迫关闭了一个现有的连接", "connection_reset"),
    ("遠端主機已強制關閉一個現存的連線", "connection_reset"),
    ("既存の接続はリモート ホストに強制的に切断されました", "connection_reset"),
    # 10061, connection refused
    ("connection refused", "connection_refused"),
    ("actively refused it", "connection_refused"),
    ("конечный компьютер отверг запрос на подключение", "connection_refused"),
    ("zielcomputer die verbindung verweigerte", "connection_refused"),
    ("l'a expressément refusée", "connection_refused"),
    ("denegó expresamente dicha conexión", "connection_refused"),
    ("recusou ativamente", "connection_refused"),
    ("recusaram ativamente", "connection_refused"),
    ("rifiuto persistente del computer di destinazione", "connection_refused"),
    ("hedef makine etkin olarak reddettiğinden", "connection_refused"),
    ("目标计算机积极拒绝", "connection_refused"),
    ("目標電腦拒絕連線", "connection_refused"),
    ("対象のコンピューターによって拒否された", "connection_refused"),
    # 10060, timed out
    ("connected party did not properly respond", "generic_timeout_error"),
    ("за требуемое время не получен нужный отклик", "generic_timeout_error"),
    ("gegenstelle nach einer bestimmten zeitspanne", "generic_timeout_error"),
    ("n'a pas répondu convenablement", "generic_timeout_error"),
    ("la parte conectada no respondió adecuadamente", "generic_timeout_error"),
    ("componente conectado não respondeu corretamente", "generic_timeout_error"),
    ("la parte connessa non ha risposto correttamente", "generic_timeout_error"),
    ("bağlanılan uygun olarak yanıt vermediğinden", "generic_timeout_error"),
    ("由于连接方在一段时间后没有正确答复", "generic_timeout_error"),
    ("i/o timeout", "generic_timeout_error"),
    ("context deadline exceeded", "generic_timeout_error"),
    ("timed out", "generic_timeout_error"),
    # 10051 and 10065, unreachable
    ("network is unreachable", "network_unreachable"),
    ("to an unreachable network", "network_unreachable"),
    ("операцию на сокете при отключенной сети", "network_unreachable"),
    ("nicht verfügbares netzwerk", "network_unreachable"),
    ("réseau impossible à atteindre", "network_unreachable"),
    ("套接字操作尝试一个无法连接的网络", "network_unreachable"),
    ("no route to host", "host_unreachable"),
    ("to an unreachable host", "host_unreachable"),
    ("операцию на сокете для недоступного хоста", "host_unreachable"),
    ("nicht verfügbaren host", "host_unreachable"),
    ("套接字操作尝试一个无法连接的主机", "host_unreachable"),
    # 10053, aborted by the own machine
    ("aborted by the software in your host machine", "connection_aborted"),
    ("программа на вашем хост-компьютере разорвала", "connection_aborted"),
    # 11001 to 11004, names
    ("no such host", "dns_nxdomain_error"),
    ("этот хост неизвестен", "dns_nxdomain_error"),
    ("host ist unbekannt", "dns_nxdomain_error"),
    ("hôte inconnu", "dns_nxdomain_error"),
    ("host desconocido", "dns_nxdomain_error"),
    ("不知道这样的主机", "dns_nxdomain_error"),
    ("no data of the requested type was found", "dns_no_answer"),
    ("temporary failure in name resolution", "dns_temporary_failure"),
    ("temporary error during hostname resolution", "dns_temporary_failure"),
    ("server misbehaving", "dns_server_misbehaving"),
    ("servfail", "dns_servfail_error"),
    ("nxdomain", "dns_nxdomain_error"),
    # TLS texts of Go and OpenSSL
    ("certificate signed by unknown authority", "ssl_unknown_authority"),
    ("certificate verify failed", "ssl_invalid_certificate"),
    ("certificate has expired", "ssl_invalid_certificate"),
    ("certificate is valid for", "ssl_invalid_hostname"),
    ("tls: ", "ssl_failed_handshake"),
    ("ssl routines", "ssl_failed_handshake"),
    ("unexpected eof", "eof_error"),
    ("eof", "eof_error"),
    ("connection was closed", "eof_error"),
    ("operation was canceled", "interrupted"),
    ("context canceled", "interrupted"),
)


def failure_of(value: Any) -> tuple[str, str | None]:
    """(outcome, df-007 name or None) of a `failure` field as found.

    null and false are success; a key that is not there at all is unknown; true is a failure without a name.
    """
    if value is None or value is False:
        return OK, None
    if value is msgspec.UNSET:
        return UNKNOWN, None
    if isinstance(value, str):
        return (FAILED, name_of(value)) if value else (UNKNOWN, None)
    return FAILED, FREE_TEXT


def name_of(text: str) -> str:
    """The df-007 name of a failure text; `unknown_failure` where nothing recognises it."""
    if text in NAMES and text not in OLD:
        return text
    plain = text.strip().lower()
    known = OLD.get(plain)
    if known is not None:
        return known
    if plain in NAMES:
        return plain
    for piece, name in SENTENCES:
        if piece in plain:
            return name
    return FREE_TEXT
