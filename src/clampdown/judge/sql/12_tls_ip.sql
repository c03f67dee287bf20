-- Law: what TLS proved of an address under a name, on the path or beside it. A certificate that the probe distrusts and
-- that the record does not show is no proof: the probe's roots may be old.
SELECT
  o.measurement AS measurement,
  o.ip AS ip,
  o.hostname AS hostname,
  MAX(CASE WHEN o.outcome = 'ok' AND COALESCE(o.verified, TRUE)
      AND COALESCE(o.cert_status, 'unknown') NOT IN ('name_mismatch', 'self_signed', 'proxy') THEN 1 ELSE 0 END) AS proven,
  MAX(CASE WHEN o.cert_status IN ('name_mismatch', 'self_signed') THEN 1
      WHEN o.cert_status = 'unknown_authority' AND o.outcome = 'failed' THEN 1
      WHEN o.failure = 'ssl_invalid_hostname' AND COALESCE(o.cert_status, 'unknown') NOT IN ('ok', 'expired_root') THEN 1
      ELSE 0 END) AS disproven,
  MAX(CASE WHEN o.failure IN ('ssl_invalid_hostname', 'ssl_unknown_authority', 'ssl_invalid_certificate') THEN 1 ELSE 0 END) AS distrusted,
  MAX(CASE WHEN o.failure IN ('connection_reset', 'eof_error', 'generic_timeout_error') THEN 1 ELSE 0 END) AS cut
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation IN ('tls_handshake', 'quic_handshake') AND o.ip IS NOT NULL
GROUP BY o.measurement, o.ip, o.hostname
