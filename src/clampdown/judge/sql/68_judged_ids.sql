-- Law: the measurements that have a verdict for some target.
SELECT s.measurement AS measurement
FROM target_state AS s
GROUP BY s.measurement
