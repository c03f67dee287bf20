-- Law: what TLS proved of an address under a name, on the path or beside it.
SELECT
  o.measurement AS measurement,
  o.ip AS ip,
  o.hostname AS hostname,
  MAX(CASE WHEN o.outcome = 'ok' AND COALESCE(o.verified, TRUE)
      AND COALESCE(o.cert_status, 'unknown') NOT IN ('name_mismatch', 'self_signed', 'proxy') THEN 1 ELSE 0 END) AS proven,
  MAX(CASE WHEN o.failure IN ('ssl_invalid_hostname', 'ssl_unknown_authority', 'ssl_invalid_certificate')
      OR o.cert_status IN ('name_mismatch', 'self_signed') THEN 1 ELSE 0 END) AS disproven
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation IN ('tls_handshake', 'quic_handshake') AND o.ip IS NOT NULL
GROUP BY o.measurement, o.ip, o.hostname
