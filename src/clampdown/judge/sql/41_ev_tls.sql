-- Law: one row per TLS or QUIC handshake.
SELECT
  s.measurement AS measurement, s.target AS target, s.hostname AS hostname, s.seq AS seq, s.layer AS layer,
  s.on_path AS on_path, s.side AS side, s.test AS test, s.test_version AS test_version, s.country AS country,
  s.depth AS depth, s.ip_version AS ip_version, s.port AS port, s.outcome AS outcome,
  COALESCE(s.failure, '') AS failure, s.ctl AS ctl, s.ctl_page AS ctl_page, s.stray AS stray,
  s.bogon AS bogon, CASE WHEN s.bogon = 0 AND tw.n > 0 THEN 1 ELSE 0 END AS twin,
  s.alive AS alive, s.connected AS connected, s.v6_ok AS v6_ok, s.pinned AS pinned,
  COALESCE(o.verified, TRUE) AS verified,
  COALESCE(o.cert_status, 'unknown') AS cert_status,
  CASE WHEN o.cert_digest IS NULL THEN 0 ELSE 1 END AS cert_seen,
  CASE WHEN o.ech IS NULL THEN 0 ELSE 1 END AS ech,
  COALESCE(mk.censor, 0) AS censor_mark,
  COALESCE(mk.proxy, 0) AS proxy_mark,
  COALESCE(n.names_ok, 0) AS names_ok,
  COALESCE(n.names_failed, 0) AS names_failed
FROM steps AS s
JOIN observations AS o ON o.measurement = s.measurement AND o.seq = s.seq
LEFT JOIN twin AS tw ON tw.measurement = s.measurement AND tw.layer = s.layer AND tw.hostname = s.hostname AND tw.failure = s.failure
LEFT JOIN marks AS mk ON mk.measurement = s.measurement AND mk.seq = s.seq
LEFT JOIN names_passed AS n ON n.measurement = s.measurement AND n.layer = s.layer AND n.ip = s.ip AND n.port = s.port
WHERE s.layer IN ('tls', 'quic')
