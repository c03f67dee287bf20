-- Law: what other records of the same day say; it may only weaken.
SELECT
  s.measurement AS measurement, s.target AS target, CAST(NULL AS VARCHAR) AS hostname, CAST(NULL AS INTEGER) AS seq,
  'pool' AS layer, 1 AS on_path, 0 AS side, m.test AS test, COALESCE(m.test_version, '') AS test_version, m.country AS country,
  s.state AS state,
  COALESCE(n.targets, 0) AS session_targets,
  COALESCE(n.through, 0) AS session_through,
  COALESCE(a.failed, 0) AS abroad_failed,
  COALESCE(a.failed_networks, 0) AS abroad_networks,
  COALESCE(a.reached, 0) AS abroad_reached,
  COALESCE(r.n, 0) AS residual
FROM target_state AS s
JOIN measurements AS m ON m.measurement = s.measurement
LEFT JOIN session AS n ON n.vantage = m.vantage AND n.network = m.network AND n.hour = m.hour AND n.day = m.day
LEFT JOIN abroad AS a ON a.target = s.target AND a.country = m.country AND a.day = m.day
LEFT JOIN residual AS r ON r.measurement = s.measurement AND r.target = s.target
WHERE s.state = 'blocked'
