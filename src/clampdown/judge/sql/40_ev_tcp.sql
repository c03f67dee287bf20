-- Law: one row per TCP connect.
SELECT
  s.measurement AS measurement, s.target AS target, s.hostname AS hostname, s.seq AS seq, s.layer AS layer,
  s.on_path AS on_path, s.side AS side, s.test AS test, s.test_version AS test_version, s.country AS country,
  s.depth AS depth, s.ip_version AS ip_version, s.port AS port, s.outcome AS outcome,
  COALESCE(s.failure, '') AS failure, s.ctl AS ctl, s.ctl_page AS ctl_page, s.stray AS stray,
  s.bogon AS bogon, CASE WHEN s.bogon = 0 AND tw.n > 0 THEN 1 ELSE 0 END AS twin,
  s.alive AS alive, s.connected AS connected, s.v6_ok AS v6_ok, s.pinned AS pinned
FROM steps AS s
LEFT JOIN twin AS tw ON tw.measurement = s.measurement AND tw.layer = s.layer AND tw.hostname = s.hostname AND tw.failure = s.failure
WHERE s.layer = 'tcp'
