-- Law: what a redirect in clear text leads to may be its writer's own page: the hop, and the target that was sent there.
SELECT
  s.measurement AS measurement, CAST(s.depth AS INTEGER) + 1 AS depth, MIN(s.target) AS target
FROM steps AS s
JOIN observations AS o ON o.measurement = s.measurement AND o.seq = s.seq
JOIN hop AS nx ON nx.measurement = s.measurement AND nx.depth = CAST(s.depth AS INTEGER) + 1
WHERE s.layer = 'http' AND s.on_path = 1 AND s.outcome = 'ok' AND COALESCE(o.scheme, 'http') = 'http'
  AND nx.target <> s.target
  AND (o.location IS NOT NULL OR o.status IN (301, 302, 303, 307, 308))
GROUP BY s.measurement, s.depth
