-- Law: whether a record's chain of redirects ended, on the path, at the page that the control saw, or in clear text at
-- quite another one.
SELECT
  s.measurement AS measurement,
  MAX(CASE WHEN o.final AND o.outcome = 'ok' AND o.status_match
      AND (COALESCE(o.title_match, FALSE) OR COALESCE(o.headers_match, FALSE) OR o.body_ratio > 0.7) THEN 1 ELSE 0 END) AS same,
  MAX(CASE WHEN o.final AND o.outcome = 'ok' AND COALESCE(o.scheme, 'http') = 'http' AND o.status >= 200 AND o.status < 300 AND COALESCE(o.body_truncated, FALSE) = FALSE
      AND COALESCE(o.headers_match, FALSE) = FALSE
      AND ((o.title_match = FALSE AND o.body_ratio < 0.7) OR (o.title_match IS NULL AND o.body_ratio < 0.3)) THEN 1 ELSE 0 END) AS other
FROM steps AS s
JOIN observations AS o ON o.measurement = s.measurement AND o.seq = s.seq
WHERE s.layer = 'http' AND s.on_path = 1
GROUP BY s.measurement
