-- Law: the layers of one target side by side.
SELECT
  l.measurement AS measurement, l.target AS target,
  MAX(CASE WHEN l.layer = 'dns' THEN l.verdict END) AS dns,
  MAX(CASE WHEN l.layer = 'tcp' THEN l.verdict END) AS tcp,
  MAX(CASE WHEN l.layer = 'tls' THEN l.verdict END) AS tls,
  MAX(CASE WHEN l.layer = 'http' THEN l.verdict END) AS http,
  MAX(CASE WHEN l.layer = 'quic' THEN l.verdict END) AS quic,
  MAX(CASE WHEN l.layer = 'tunnel' THEN l.verdict END) AS tunnel
FROM target_layer AS l
GROUP BY l.measurement, l.target
