-- Law: one row per TCP connect.
SELECT
  s.measurement AS measurement, s.target AS target, s.hostname AS hostname, s.seq AS seq, s.layer AS layer,
  s.on_path AS on_path, s.side AS side, s.test AS test, s.test_version AS test_version, s.country AS country,
  s.depth AS depth, s.ip_version AS ip_version, s.port AS port, s.outcome AS outcome,
  COALESCE(s.failure, '') AS failure, s.ctl AS ctl, s.ctl_page AS ctl_page, s.stray AS stray,
  s.alive AS alive, s.connected AS connected, s.v6_ok AS v6_ok, s.pinned AS pinned
FROM steps AS s
WHERE s.layer = 'tcp'
