-- Law: per name, how far the steps below HTTP got on the path, so that one failure is not counted in two layers.
SELECT
  s.measurement AS measurement,
  s.hostname AS hostname,
  MAX(CASE WHEN s.layer = 'tcp' AND s.outcome = 'ok' THEN 1 ELSE 0 END) AS tcp_ok,
  MAX(CASE WHEN s.layer = 'tcp' AND s.outcome = 'failed' THEN 1 ELSE 0 END) AS tcp_failed,
  MAX(CASE WHEN s.layer IN ('tls', 'quic') AND s.outcome = 'ok' THEN 1 ELSE 0 END) AS tls_ok,
  MAX(CASE WHEN s.layer = 'tls' AND s.outcome = 'failed' THEN 1 ELSE 0 END) AS tls_failed,
  MAX(CASE WHEN s.layer = 'http' AND s.outcome = 'ok' THEN 1 ELSE 0 END) AS http_ok
FROM steps AS s
WHERE s.on_path = 1
GROUP BY s.measurement, s.hostname
