-- Law: at one address and port of one record, which names passed the TLS or HTTP step and which failed.
SELECT
  s.measurement AS measurement,
  s.layer AS layer,
  s.ip AS ip,
  s.port AS port,
  COUNT(DISTINCT CASE WHEN s.outcome = 'ok' THEN s.hostname END) AS names_ok,
  COUNT(DISTINCT CASE WHEN s.outcome = 'failed' THEN s.hostname END) AS names_failed
FROM steps AS s
WHERE s.layer IN ('tls', 'http', 'quic') AND s.ip IS NOT NULL
GROUP BY s.measurement, s.layer, s.ip, s.port
