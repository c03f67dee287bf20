-- Law: each layer's verdict for a target: trouble at one of its names shows, unless one name is enough. Where a class of
-- relays is blocked and not by most of its tunnels, the layers at which it was cut say so.
SELECT
  h.measurement AS measurement, h.target AS target, h.layer AS layer,
  CASE
    WHEN MAX(CASE WHEN f.cut >= 3 AND f.cut > 3 * f.passed THEN 1 ELSE 0 END) = 1 THEN 'blocked'
    WHEN MIN(t.mode) = 'some' AND MIN(s.state) = 'blocked' AND MAX(CASE WHEN h.verdict = 'blocked' THEN 1 ELSE 0 END) = 1
      AND MAX(CASE WHEN ft.cut >= 3 AND ft.cut > 3 * ft.passed THEN 1 ELSE 0 END) = 0 THEN 'blocked'
    WHEN COALESCE(MIN(t.mode), 'all') IN ('any', 'some') AND MAX(CASE WHEN h.verdict = 'ok' THEN 1 ELSE 0 END) = 1 THEN 'ok'
    WHEN MAX(CASE WHEN h.verdict = 'invalid' THEN 1 ELSE 0 END) = 1 THEN 'invalid'
    WHEN MAX(CASE WHEN h.verdict = 'blocked' THEN 1 ELSE 0 END) = 1 THEN 'blocked'
    WHEN MAX(CASE WHEN h.verdict = 'refused' THEN 1 ELSE 0 END) = 1 THEN 'refused'
    WHEN MAX(CASE WHEN h.verdict = 'ok' THEN 1 ELSE 0 END) = 1 THEN 'ok'
    WHEN MAX(CASE WHEN h.verdict = 'down' THEN 1 ELSE 0 END) = 1 THEN 'down'
    WHEN MAX(CASE WHEN h.verdict = 'unknown' THEN 1 ELSE 0 END) = 1 THEN 'unknown'
    ELSE 'not_applicable'
  END AS verdict
FROM host_layer AS h
LEFT JOIN few AS f ON f.measurement = h.measurement AND f.target = h.target AND f.layer = h.layer
LEFT JOIN few AS ft ON ft.measurement = h.measurement AND ft.target = h.target AND ft.layer = 'tunnel'
LEFT JOIN target_state AS s ON s.measurement = h.measurement AND s.target = h.target
LEFT JOIN targets AS t ON t.target = h.target
GROUP BY h.measurement, h.target, h.layer
