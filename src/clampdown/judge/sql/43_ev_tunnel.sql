-- Law: one row per tunnel bootstrap.
SELECT
  s.measurement AS measurement, s.target AS target, s.hostname AS hostname, s.seq AS seq, s.layer AS layer,
  s.on_path AS on_path, s.side AS side, s.test AS test, s.test_version AS test_version, s.country AS country,
  s.outcome AS outcome, COALESCE(s.failure, '') AS failure,
  s.alive AS alive, s.connected AS connected, s.pinned AS pinned,
  COALESCE(o.stage, '') AS stage,
  COALESCE(o.progress, -1.0) AS progress
FROM steps AS s
JOIN observations AS o ON o.measurement = s.measurement AND o.seq = s.seq
WHERE s.layer = 'tunnel'
