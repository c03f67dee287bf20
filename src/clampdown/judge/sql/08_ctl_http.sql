-- Law: what page the control met.
SELECT
  o.measurement AS measurement,
  MAX(CASE WHEN o.outcome = 'ok' THEN 1 ELSE 0 END) AS ok,
  MAX(CASE WHEN o.outcome = 'failed' THEN 1 ELSE 0 END) AS failed,
  MAX(o.status) AS status
FROM observations AS o
WHERE o.origin = 'control' AND o.operation = 'http_exchange'
GROUP BY o.measurement
