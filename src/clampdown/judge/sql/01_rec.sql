-- Law: what one record says of its own session: did anything at all get through, by either address family.
SELECT
  o.measurement AS measurement,
  MAX(CASE WHEN o.outcome = 'ok' AND o.operation <> 'dns_answer' AND o.operation <> 'transfer' THEN 1 ELSE 0 END) AS alive,
  MAX(CASE WHEN o.outcome = 'ok' AND o.operation IN ('tcp_connect', 'tls_handshake', 'quic_handshake', 'http_exchange') THEN 1 ELSE 0 END) AS connected,
  MAX(CASE WHEN o.operation = 'dns_lookup' AND o.classic THEN 1 ELSE 0 END) AS has_system,
  MAX(CASE WHEN o.operation = 'tcp_connect' AND o.ip_version = 6 AND o.outcome = 'ok' THEN 1 ELSE 0 END) AS v6_ok,
  MAX(CASE WHEN o.operation = 'tcp_connect' AND o.ip_version = 6 AND o.outcome = 'failed' THEN 1 ELSE 0 END) AS v6_failed,
  MAX(CASE WHEN o.operation = 'tls_handshake' AND o.cert_status = 'proxy' THEN 1 ELSE 0 END) AS proxy_cert,
  MAX(CASE WHEN o.operation = 'tls_handshake' AND o.outcome = 'ok' AND COALESCE(o.verified, TRUE) THEN 1 ELSE 0 END) AS tls_alive,
  COUNT(DISTINCT CASE WHEN o.operation IN ('tcp_connect', 'tls_handshake', 'dns_lookup', 'http_exchange') THEN o.target END) AS n_targets
FROM observations AS o
WHERE o.origin = 'probe'
GROUP BY o.measurement
