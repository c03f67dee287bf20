-- Law: one row per name the system resolver was asked for; what it said beside what others said.
SELECT
  o.measurement AS measurement,
  MIN(o.target) AS target,
  o.hostname AS hostname,
  MIN(o.seq) AS seq,
  'dns' AS layer,
  1 AS on_path,
  0 AS side,
  MIN(m.test) AS test,
  MIN(m.test_version) AS test_version,
  MIN(m.country) AS country,
  MIN(o.depth) AS depth,
  MAX(CASE WHEN o.outcome = 'ok' THEN 1 ELSE 0 END) AS ok,
  MAX(CASE WHEN o.outcome = 'failed' THEN 1 ELSE 0 END) AS failed,
  MAX(CASE WHEN o.failure = 'dns_nxdomain_error' THEN 1 ELSE 0 END) AS nxdomain,
  MAX(CASE WHEN o.failure IN ('dns_servfail_error', 'dns_server_misbehaving') THEN 1 ELSE 0 END) AS servfail,
  MAX(CASE WHEN o.failure = 'dns_refused_error' THEN 1 ELSE 0 END) AS refused,
  MAX(CASE WHEN o.failure IN ('dns_no_answer', 'android_dns_cache_no_data') THEN 1 ELSE 0 END) AS no_answer,
  MAX(CASE WHEN o.failure = 'generic_timeout_error' THEN 1 ELSE 0 END) AS timeout,
  MAX(CASE WHEN o.failure = 'dns_bogon_error' THEN 1 ELSE 0 END) AS bogon_error,
  COALESCE(MAX(a.answers), 0) AS answers,
  COALESCE(MAX(a.bogons), 0) AS bogons,
  COALESCE(MAX(a.in_control), 0) AS in_control,
  COALESCE(MAX(a.asn_in_control), 0) AS asn_in_control,
  COALESCE(MAX(a.in_encrypted), 0) AS in_encrypted,
  COALESCE(MAX(a.asn_in_encrypted), 0) AS asn_in_encrypted,
  COALESCE(MAX(a.tls_proven), 0) AS tls_proven,
  COALESCE(MAX(a.tls_disproven), 0) AS tls_disproven,
  COALESCE(MAX(a.tls_distrusted), 0) AS tls_distrusted,
  COALESCE(MAX(a.tcp_ok), 0) AS tcp_ok,
  COALESCE(MAX(a.tcp_failed), 0) AS tcp_failed,
  COALESCE(MAX(a.page_same), 0) AS page_same,
  COALESCE(MAX(a.page_other), 0) AS page_other,
  COALESCE(MAX(a.page_served), 0) AS page_served,
  COALESCE(MAX(a.cut), 0) AS cut,
  COALESCE(MAX(a.ctl_dead), 0) AS ctl_dead,
  COALESCE(MAX(a.ctl_disproven), 0) AS ctl_disproven,
  COALESCE(MAX(a.ctl_proven), 0) AS ctl_proven,
  CASE WHEN MAX(cf.n) > 0 THEN 1 ELSE 0 END AS certified,
  COALESCE(MAX(a.censor_marks), 0) AS censor_marks,
  COALESCE(MAX(a.own_network), 0) AS own_network,
  COALESCE(MAX(a.at_home), 0) AS at_home,
  COALESCE(MAX(a.foreign_answers), 0) AS foreign_answers,
  COALESCE(MAX(r.reached), 0) AS control_reached,
  COALESCE(MAX(r.served), 0) AS control_served,
  COALESCE(MAX(d.n), 0) AS duplicates,
  CASE WHEN MAX(c.ok) = 1 THEN 'ok' WHEN MAX(c.nxdomain) = 1 THEN 'nxdomain' WHEN MAX(c.failed) = 1 THEN 'failed' ELSE 'none' END AS ctl,
  COALESCE(MAX(c.answers), 0) AS ctl_answers,
  COALESCE(MAX(c.public_answers), 0) AS ctl_public,
  CASE WHEN MAX(h.ok) = 1 THEN 'ok' WHEN MAX(h.failed) = 1 THEN 'failed' ELSE 'none' END AS ctl_page,
  CASE WHEN MAX(e.public_answers) > 0 THEN 'ok' WHEN MAX(e.nxdomain) = 1 THEN 'nxdomain' WHEN MAX(e.ok) = 0 THEN 'failed' ELSE 'none' END AS encrypted,
  COALESCE(MAX(rc.alive), 0) AS alive,
  COALESCE(MAX(t.pinned), 0) AS pinned
FROM observations AS o
JOIN measurements AS m ON m.measurement = o.measurement
LEFT JOIN dns_answers AS a ON a.measurement = o.measurement AND a.hostname = o.hostname
LEFT JOIN reach AS r ON r.measurement = o.measurement AND r.hostname = o.hostname
LEFT JOIN duplicates AS d ON d.measurement = o.measurement AND d.hostname = o.hostname
LEFT JOIN ctl_dns AS c ON c.measurement = o.measurement AND c.hostname = o.hostname
LEFT JOIN ctl_http AS h ON h.measurement = o.measurement
LEFT JOIN alt AS e ON e.measurement = o.measurement AND e.hostname = o.hostname
LEFT JOIN certified AS cf ON cf.measurement = o.measurement
LEFT JOIN rec AS rc ON rc.measurement = o.measurement
LEFT JOIN targets AS t ON t.target = o.target
WHERE o.origin = 'probe' AND o.operation = 'dns_lookup' AND COALESCE(o.classic, TRUE) AND o.hostname IS NOT NULL
GROUP BY o.measurement, o.hostname
