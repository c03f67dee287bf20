-- Law: one row per HTTP exchange, beside the page the control met. Where the record does not say what was asked, it was
-- the host of the first hop.
SELECT
  s.measurement AS measurement, s.target AS target, s.hostname AS hostname, s.seq AS seq, s.layer AS layer,
  s.on_path AS on_path, s.side AS side, s.test AS test, s.test_version AS test_version, s.country AS country,
  s.depth AS depth, s.port AS port, s.outcome AS outcome,
  COALESCE(s.failure, '') AS failure, s.ctl_page AS ctl, COALESCE(s.ctl_status, 0) AS ctl_status, s.stray AS stray,
  s.bogon AS bogon, CASE WHEN s.bogon = 0 AND tw.n > 0 THEN 1 ELSE 0 END AS twin,
  s.alive AS alive, s.connected AS connected, s.pinned AS pinned,
  CASE WHEN o.scheme = 'https' THEN 1 ELSE 0 END AS https,
  CASE WHEN o.scheme = 'https' AND COALESCE(lo.tls_failed, 0) <= COALESCE(lo.tls_ok, 0) AND COALESCE(o.verified, TRUE)
      AND COALESCE(pr.disproven, 0) = 0 AND COALESCE(pr.distrusted, 0) = 0 THEN 1 ELSE 0 END AS authentic,
  COALESCE(o.status, 0) AS status,
  CASE WHEN o.final THEN 1 ELSE 0 END AS final,
  CASE WHEN o.location IS NOT NULL OR o.status IN (301, 302, 303, 307, 308) THEN 1 ELSE 0 END AS redirect,
  CASE WHEN nx.target IS NULL THEN 0 WHEN nx.target = s.target THEN 0 ELSE 1 END AS leaves,
  CASE WHEN nx.target IS NULL THEN 0 ELSE 1 END AS followed,
  CASE WHEN kn.location IS NULL THEN 0 ELSE 1 END AS kin,
  CASE WHEN m.target = s.target THEN 1 WHEN m.target IS NULL AND COALESCE(h0.target, s.target) = s.target THEN 1 ELSE 0 END AS asked,
  CASE WHEN o.status_match THEN 1 WHEN o.status_match IS NULL THEN -1 ELSE 0 END AS status_match,
  CASE WHEN o.title_match THEN 1 WHEN o.title_match IS NULL THEN -1 ELSE 0 END AS title_match,
  CASE WHEN o.headers_match THEN 1 WHEN o.headers_match IS NULL THEN -1 ELSE 0 END AS headers_match,
  COALESCE(o.body_ratio, -1.0) AS body_ratio,
  COALESCE(o.body_length, -1) AS body_length,
  CASE WHEN o.body_truncated THEN 1 ELSE 0 END AS truncated,
  CASE WHEN lu.n > 0 THEN 1 ELSE 0 END AS looked_up,
  COALESCE(lo.tcp_ok, 0) AS tcp_ok,
  COALESCE(lo.tcp_failed, 0) AS tcp_failed,
  COALESCE(lo.tls_ok, 0) AS tls_ok,
  COALESCE(lo.tls_failed, 0) AS tls_failed,
  COALESCE(mk.censor, 0) AS censor_mark,
  COALESCE(mk.censor_elsewhere, 0) AS censor_elsewhere,
  COALESCE(mk.captcha, 0) AS captcha_mark,
  COALESCE(mk.geofence, 0) AS geofence_mark,
  COALESCE(mk.legal, 0) AS legal_mark,
  COALESCE(mk.proxy, 0) AS proxy_mark,
  COALESCE(mk.refusal, 0) AS refusal_mark,
  COALESCE(mk.product, 0) AS product_mark,
  COALESCE(n.names_ok, 0) AS names_ok,
  COALESCE(n.names_failed, 0) AS names_failed,
  COALESCE(pr.proven, 0) AS address_proven,
  COALESCE(cn.same, 0) AS chain_same,
  COALESCE(cn.other, 0) AS chain_other,
  COALESCE(nx.bogon, 0) AS next_bogon,
  CASE WHEN np.measurement IS NOT NULL THEN 1 ELSE 0 END AS next_page,
  CASE WHEN ld.measurement IS NOT NULL THEN 1 ELSE 0 END AS led
FROM steps AS s
JOIN observations AS o ON o.measurement = s.measurement AND o.seq = s.seq
JOIN measurements AS m ON m.measurement = s.measurement
LEFT JOIN lower_steps AS lo ON lo.measurement = s.measurement AND lo.hostname = s.hostname
LEFT JOIN looked_up AS lu ON lu.measurement = s.measurement AND lu.hostname = s.hostname
LEFT JOIN kin AS kn ON kn.hostname = o.hostname AND kn.location = o.location
LEFT JOIN hop AS nx ON nx.measurement = s.measurement AND nx.depth = CAST(s.depth AS INTEGER) + 1
LEFT JOIN hop AS h0 ON h0.measurement = s.measurement AND h0.depth = 0
LEFT JOIN led_to_page AS np ON np.measurement = s.measurement AND np.depth = CAST(s.depth AS INTEGER) + 1
LEFT JOIN led AS ld ON ld.measurement = s.measurement AND ld.depth = s.depth
LEFT JOIN tls_ip AS pr ON pr.measurement = s.measurement AND pr.ip = s.ip AND pr.hostname = s.hostname
LEFT JOIN chain AS cn ON cn.measurement = s.measurement
LEFT JOIN twin AS tw ON tw.measurement = s.measurement AND tw.layer = s.layer AND tw.hostname = s.hostname AND tw.failure = s.failure
LEFT JOIN marks AS mk ON mk.measurement = s.measurement AND mk.seq = s.seq
LEFT JOIN names_passed AS n ON n.measurement = s.measurement AND n.layer = s.layer AND n.ip = s.ip AND n.port = s.port
WHERE s.layer = 'http'
