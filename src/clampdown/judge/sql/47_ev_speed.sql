-- Law: one row per download with the number of other targets that ran at least five times faster in the same session.
SELECT
  s.measurement AS measurement, s.target AS target, s.hostname AS hostname, s.seq AS seq, 'http' AS layer,
  1 AS on_path, 0 AS side, m.test AS test, m.test_version AS test_version, m.country AS country,
  s.rate AS rate, s.bytes AS bytes, s.seconds AS seconds,
  COALESCE(f.faster, 0) AS faster, COALESCE(f.others, 0) AS others
FROM speed AS s
JOIN measurements AS m ON m.measurement = s.measurement
LEFT JOIN session_speed AS f ON f.measurement = s.measurement AND f.target = s.target
WHERE m.test IN ('web_connectivity', 'urlgetter')
