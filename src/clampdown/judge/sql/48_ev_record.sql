-- Law: one row per record and target it tried: what the record says of its own instrument.
SELECT
  m.measurement AS measurement, tr.target AS target, CAST(NULL AS VARCHAR) AS hostname, CAST(NULL AS INTEGER) AS seq, 'record' AS layer,
  1 AS on_path, 0 AS side, m.test AS test, COALESCE(m.test_version, '') AS test_version, m.country AS country,
  COALESCE(m.instrument, '') AS instrument,
  COALESCE(rc.proxy_cert, 0) AS proxy_cert,
  COALESCE(rc.alive, 0) AS alive,
  COALESCE(rc.tls_alive, 0) AS tls_alive,
  COALESCE(tr.ssl_failed, 0) AS ssl_failed,
  COALESCE(tr.cert_fine, 0) AS cert_fine,
  COALESCE(tr.cert_seen, 0) AS cert_seen,
  COALESCE(tr.expired_root, 0) AS expired_root,
  CASE WHEN m.network IS NULL THEN 1 ELSE 0 END AS no_network
FROM measurements AS m
LEFT JOIN tried AS tr ON tr.measurement = m.measurement
LEFT JOIN rec AS rc ON rc.measurement = m.measurement
