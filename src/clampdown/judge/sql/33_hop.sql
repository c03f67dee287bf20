-- Law: the target each redirect led to, by depth, and whether it named a bogon itself (an answer for a name is another thing).
SELECT
  s.measurement AS measurement, s.depth AS depth, MIN(s.target) AS target,
  MAX(CASE WHEN o.ip_class <> 'public' AND s.hostname = o.ip THEN 1 ELSE 0 END) AS bogon
FROM steps AS s
JOIN observations AS o ON o.measurement = s.measurement AND o.seq = s.seq
WHERE s.depth IS NOT NULL AND s.on_path = 1
GROUP BY s.measurement, s.depth
