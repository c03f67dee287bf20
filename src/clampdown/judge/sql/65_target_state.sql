-- Law: a target of several names works when each does (mode all), when one does (mode any), when more than
-- a few do (mode some); a slow line found by
-- comparison is throttled even where the page came in the end.
SELECT
  h.measurement AS measurement, h.target AS target,
  CASE
    WHEN MAX(CASE WHEN s.target IS NOT NULL THEN 1 ELSE 0 END) = 1 AND MAX(CASE WHEN h.state = 'invalid' THEN 1 ELSE 0 END) = 0 THEN 'throttled'
    WHEN MAX(CASE WHEN f.cut >= 3 AND f.cut > 3 * f.passed THEN 1 ELSE 0 END) = 1 AND MAX(CASE WHEN h.state = 'invalid' THEN 1 ELSE 0 END) = 0 THEN 'blocked'
    WHEN COALESCE(MIN(t.mode), 'all') IN ('any', 'some') AND MAX(CASE WHEN h.state = 'ok' THEN 1 ELSE 0 END) = 1 THEN 'ok'
    WHEN MAX(CASE WHEN h.state = 'invalid' THEN 1 ELSE 0 END) = 1 THEN 'invalid'
    WHEN MAX(CASE WHEN h.state = 'blocked' THEN 1 ELSE 0 END) = 1 THEN 'blocked'
    WHEN MAX(CASE WHEN h.state = 'refused' THEN 1 ELSE 0 END) = 1 THEN 'refused'
    WHEN MAX(CASE WHEN h.state = 'ok' THEN 1 ELSE 0 END) = 1 THEN 'ok'
    WHEN MAX(CASE WHEN h.state = 'down' THEN 1 ELSE 0 END) = 1 THEN 'down'
    ELSE 'unknown'
  END AS state
FROM host_state AS h
LEFT JOIN slow AS s ON s.measurement = h.measurement AND s.target = h.target
LEFT JOIN few AS f ON f.measurement = h.measurement AND f.target = h.target AND f.layer = 'tunnel'
LEFT JOIN targets AS t ON t.target = h.target
GROUP BY h.measurement, h.target
