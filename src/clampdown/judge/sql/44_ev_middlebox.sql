-- Law: one row per echo test of a request the probe sent in an unusual form.
SELECT
  o.measurement AS measurement, o.target AS target, COALESCE(o.hostname, '') AS hostname, o.seq AS seq, 'http' AS layer,
  1 AS on_path, 0 AS side, m.test AS test, m.test_version AS test_version, m.country AS country,
  o.outcome AS outcome, COALESCE(o.failure, '') AS failure, COALESCE(o.stage, '') AS stage
FROM observations AS o
JOIN measurements AS m ON m.measurement = o.measurement
WHERE o.origin = 'probe' AND o.operation = 'middlebox'
