-- Law: the target and name each redirect led to, by depth.
SELECT s.measurement AS measurement, s.depth AS depth, MIN(s.target) AS target
FROM steps AS s
WHERE s.depth IS NOT NULL AND s.on_path = 1
GROUP BY s.measurement, s.depth
