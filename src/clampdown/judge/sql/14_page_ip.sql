-- Law: whether an address gave the page the control saw, or another one.
SELECT
  o.measurement AS measurement,
  o.ip AS ip,
  MAX(CASE WHEN o.outcome = 'ok' AND o.final AND o.status_match
      AND (COALESCE(o.title_match, FALSE) OR COALESCE(o.headers_match, FALSE) OR o.body_ratio > 0.7) THEN 1 ELSE 0 END) AS same,
  MAX(CASE WHEN o.outcome = 'ok' AND o.final AND COALESCE(o.title_match, FALSE) = FALSE
      AND COALESCE(o.headers_match, FALSE) = FALSE AND o.body_ratio < 0.3 THEN 1 ELSE 0 END) AS other
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation = 'http_exchange' AND o.ip IS NOT NULL
GROUP BY o.measurement, o.ip
