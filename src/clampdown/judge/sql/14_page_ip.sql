-- Law: whether an address gave the page the control saw, or another one. Old probes wrote no address beside a page: it
-- came from one of those that the system resolver gave for its name.
SELECT
  p.measurement AS measurement,
  p.ip AS ip,
  MAX(CASE WHEN p.outcome = 'ok' AND p.final AND p.status_match
      AND (COALESCE(p.title_match, FALSE) OR COALESCE(p.headers_match, FALSE) OR p.body_ratio > 0.7) THEN 1 ELSE 0 END) AS same,
  MAX(CASE WHEN p.outcome = 'ok' AND p.final AND p.status_match AND p.status >= 200 AND p.status < 300
      AND COALESCE(p.body_truncated, FALSE) = FALSE AND COALESCE(p.title_match, FALSE) = FALSE
      AND COALESCE(p.headers_match, FALSE) = FALSE AND p.body_ratio < 0.3 THEN 1 ELSE 0 END) AS other,
  MAX(CASE WHEN p.failure IN ('connection_reset', 'eof_error', 'generic_timeout_error') THEN 1 ELSE 0 END) AS cut,
  MAX(CASE WHEN p.outcome = 'ok' AND p.status >= 200 AND p.status < 400 THEN 1 ELSE 0 END) AS answered
FROM (
  SELECT o.measurement AS measurement, o.ip AS ip, o.outcome AS outcome, o.failure AS failure, o.final AS final, o.status AS status,
    o.status_match AS status_match, o.title_match AS title_match, o.headers_match AS headers_match,
    o.body_ratio AS body_ratio, o.body_truncated AS body_truncated
  FROM observations AS o
  WHERE o.origin = 'probe' AND o.operation = 'http_exchange' AND o.ip IS NOT NULL
  UNION ALL
  SELECT o.measurement AS measurement, si.ip AS ip, o.outcome AS outcome, o.failure AS failure, o.final AS final, o.status AS status,
    o.status_match AS status_match, o.title_match AS title_match, o.headers_match AS headers_match,
    o.body_ratio AS body_ratio, o.body_truncated AS body_truncated
  FROM observations AS o
  JOIN sys_ip AS si ON si.measurement = o.measurement AND si.hostname = o.hostname
  WHERE o.origin = 'probe' AND o.operation = 'http_exchange' AND o.ip IS NULL
) AS p
GROUP BY p.measurement, p.ip
