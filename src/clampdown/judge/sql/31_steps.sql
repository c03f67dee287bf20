-- Law: every step behind the lookup, with its name, whether it lies on the ordinary path, and what the control met there.
SELECT
  o.measurement AS measurement,
  o.target AS target,
  o.seq AS seq,
  o.layer AS layer,
  o.operation AS operation,
  COALESCE(o.hostname, si.hostname, ai.hostname, o.ip, '') AS hostname,
  m.test AS test,
  m.test_version AS test_version,
  m.country AS country,
  m.control AS control,
  CASE
    WHEN COALESCE(o.classic, TRUE) = FALSE THEN 0
    WHEN o.ip IS NULL THEN 1
    WHEN m.test <> 'web_connectivity' THEN 1
    WHEN COALESCE(rc.has_system, 0) = 0 THEN 1
    WHEN si.ip IS NOT NULL THEN 1
    WHEN o.hostname = o.ip THEN 1
    ELSE 0
  END AS on_path,
  CASE WHEN o.side THEN 1 ELSE 0 END AS side,
  o.depth AS depth,
  o.ip AS ip,
  o.ip_version AS ip_version,
  o.port AS port,
  o.transaction AS transaction,
  o.outcome AS outcome,
  o.failure AS failure,
  CASE WHEN ep.ok = 1 OR cn.ok = 1 THEN 'ok' WHEN ep.failed = 1 OR cn.failed = 1 THEN 'failed' ELSE 'none' END AS ctl,
  CASE WHEN h.ok = 1 THEN 'ok' WHEN h.failed = 1 THEN 'failed' ELSE 'none' END AS ctl_page,
  h.status AS ctl_status,
  CASE
    WHEN o.ip IS NULL THEN 0
    WHEN o.ip_class <> 'public' THEN 1
    WHEN COALESCE(ti.proven, 0) = 1 OR COALESCE(cx.proven, 0) = 1 THEN 0
    WHEN ci.ip IS NOT NULL OR ca.asn IS NOT NULL OR ei.ip IS NOT NULL OR ea.asn IS NOT NULL THEN 0
    WHEN COALESCE(c.public_answers, 0) > 0 THEN 1
    ELSE 0
  END AS stray,
  CASE WHEN o.ip_class <> 'public' THEN 1 ELSE 0 END AS bogon,
  COALESCE(rc.alive, 0) AS alive,
  COALESCE(rc.connected, 0) AS connected,
  COALESCE(rc.v6_ok, 0) AS v6_ok,
  COALESCE(t.pinned, 0) AS pinned
FROM observations AS o
JOIN measurements AS m ON m.measurement = o.measurement
LEFT JOIN rec AS rc ON rc.measurement = o.measurement
LEFT JOIN sys_ip AS si ON si.measurement = o.measurement AND si.ip = o.ip
LEFT JOIN any_ip AS ai ON ai.measurement = o.measurement AND ai.ip = o.ip
LEFT JOIN ctl_ep AS ep ON ep.measurement = o.measurement AND ep.layer = o.layer AND ep.ip = o.ip AND ep.port = o.port
LEFT JOIN ctl_name AS cn ON cn.measurement = o.measurement AND cn.layer = o.layer AND cn.hostname = o.hostname AND o.ip IS NULL
LEFT JOIN ctl_http AS h ON h.measurement = o.measurement
LEFT JOIN ctl_ip AS ci ON ci.measurement = o.measurement AND ci.ip = o.ip
LEFT JOIN ctl_asn AS ca ON ca.measurement = o.measurement AND ca.asn = COALESCE(o.asn, ai.asn)
LEFT JOIN alt_ip AS ei ON ei.measurement = o.measurement AND ei.ip = o.ip
LEFT JOIN alt_asn AS ea ON ea.measurement = o.measurement AND ea.asn = COALESCE(o.asn, ai.asn)
LEFT JOIN ctl_dns AS c ON c.measurement = o.measurement AND c.hostname = COALESCE(o.hostname, si.hostname, ai.hostname)
LEFT JOIN proven_ip AS ti ON ti.measurement = o.measurement AND ti.ip = o.ip
LEFT JOIN ctl_at AS cx ON cx.measurement = o.measurement AND cx.ip = o.ip
LEFT JOIN targets AS t ON t.target = o.target
WHERE o.origin = 'probe' AND o.operation IN ('tcp_connect', 'tls_handshake', 'quic_handshake', 'http_exchange', 'tunnel_bootstrap')
