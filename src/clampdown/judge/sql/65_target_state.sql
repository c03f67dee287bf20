-- Law: a target of several names works when each does (mode all) or when one does (mode any); a slow line found by
-- comparison is throttled even where the page came in the end.
SELECT
  h.measurement AS measurement, h.target AS target,
  CASE
    WHEN MAX(CASE WHEN s.target IS NOT NULL THEN 1 ELSE 0 END) = 1 AND MAX(CASE WHEN h.state = 'invalid' THEN 1 ELSE 0 END) = 0 THEN 'throttled'
    WHEN COALESCE(MIN(t.mode), 'all') = 'any' AND MAX(CASE WHEN h.state = 'ok' THEN 1 ELSE 0 END) = 1 THEN 'ok'
    WHEN MAX(CASE WHEN h.state = 'invalid' THEN 1 ELSE 0 END) = 1 THEN 'invalid'
    WHEN MAX(CASE WHEN h.state = 'blocked' THEN 1 ELSE 0 END) = 1 THEN 'blocked'
    WHEN MAX(CASE WHEN h.state = 'refused' THEN 1 ELSE 0 END) = 1 THEN 'refused'
    WHEN MAX(CASE WHEN h.state = 'ok' THEN 1 ELSE 0 END) = 1 THEN 'ok'
    WHEN MAX(CASE WHEN h.state = 'down' THEN 1 ELSE 0 END) = 1 THEN 'down'
    ELSE 'unknown'
  END AS state
FROM host_state AS h
LEFT JOIN slow AS s ON s.measurement = h.measurement AND s.target = h.target
LEFT JOIN targets AS t ON t.target = h.target
GROUP BY h.measurement, h.target
