-- Law: the other downloads of the same session, to hold one slow line against.
SELECT
  s.measurement AS measurement,
  s.target AS target,
  COUNT(DISTINCT CASE WHEN x.rate >= 5.0 * s.rate THEN x.target END) AS faster,
  COUNT(DISTINCT x.target) AS others
FROM speed AS s
JOIN peers AS p ON p.measurement = s.measurement
JOIN speed AS x ON x.measurement = p.peer
WHERE x.target <> s.target
GROUP BY s.measurement, s.target
