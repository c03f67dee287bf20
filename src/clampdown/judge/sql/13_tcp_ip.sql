-- Law: whether an address let the probe connect at any port.
SELECT
  o.measurement AS measurement,
  o.ip AS ip,
  MAX(CASE WHEN o.outcome = 'ok' THEN 1 ELSE 0 END) AS ok,
  MAX(CASE WHEN o.outcome = 'failed' THEN 1 ELSE 0 END) AS failed
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation = 'tcp_connect' AND o.ip IS NOT NULL
GROUP BY o.measurement, o.ip
