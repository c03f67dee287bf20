-- Law: the targets each record tried.
SELECT
  o.measurement AS measurement,
  o.target AS target,
  MAX(CASE WHEN o.failure IN ('ssl_unknown_authority', 'ssl_invalid_certificate') THEN 1 ELSE 0 END) AS ssl_failed,
  MAX(CASE WHEN o.failure IN ('ssl_unknown_authority', 'ssl_invalid_certificate') AND o.cert_status = 'ok' THEN 1 ELSE 0 END) AS cert_fine,
  MAX(CASE WHEN o.cert_digest IS NOT NULL THEN 1 ELSE 0 END) AS cert_seen,
  MAX(CASE WHEN o.cert_status = 'expired_root' THEN 1 ELSE 0 END) AS expired_root
FROM observations AS o
WHERE o.origin = 'probe' AND o.target IS NOT NULL
GROUP BY o.measurement, o.target
