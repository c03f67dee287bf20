-- Law: what the control met at each address and port, per layer.
SELECT
  o.measurement AS measurement,
  o.layer AS layer,
  o.ip AS ip,
  o.port AS port,
  MAX(CASE WHEN o.outcome = 'ok' THEN 1 ELSE 0 END) AS ok,
  MAX(CASE WHEN o.outcome = 'failed' THEN 1 ELSE 0 END) AS failed,
  MAX(CASE WHEN o.failure IN ('ssl_invalid_hostname', 'ssl_unknown_authority', 'ssl_invalid_certificate') THEN 1 ELSE 0 END) AS wrong_certificate
FROM observations AS o
WHERE o.origin = 'control' AND o.layer IN ('tcp', 'tls', 'quic') AND o.ip IS NOT NULL
GROUP BY o.measurement, o.layer, o.ip, o.port
