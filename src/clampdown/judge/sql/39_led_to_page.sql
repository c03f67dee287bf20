-- Law: the redirects in clear text that led, on the path and in clear text, to a known block page.
SELECT l.measurement AS measurement, l.depth AS depth, l.target AS target, MIN(s.seq) AS seq
FROM led AS l
JOIN steps AS s ON s.measurement = l.measurement AND s.depth = l.depth
JOIN observations AS o ON o.measurement = s.measurement AND o.seq = s.seq
JOIN marks AS mk ON mk.measurement = s.measurement AND mk.seq = s.seq
WHERE s.layer = 'http' AND s.on_path = 1 AND s.outcome = 'ok' AND mk.censor = 1 AND COALESCE(o.scheme, 'http') = 'http'
GROUP BY l.measurement, l.depth, l.target
