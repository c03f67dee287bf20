-- Law: of a class of relays with more than three quarters cut (at least three, provisional) the few that pass are no way
-- through: a client is handed some of them, not all.
SELECT
  w.measurement AS measurement, w.target AS target, w.layer AS layer,
  CAST(SUM(CASE WHEN w.verdict = 'blocked' THEN 1 ELSE 0 END) AS BIGINT) AS cut,
  CAST(SUM(CASE WHEN w.verdict = 'ok' THEN 1 ELSE 0 END) AS BIGINT) AS passed
FROM won AS w
JOIN targets AS t ON t.target = w.target
WHERE w.place = 1 AND w.on_path = 1 AND w.side = 0 AND t.mode = 'some' AND w.layer IN ('tcp', 'tls', 'tunnel')
GROUP BY w.measurement, w.target, w.layer
