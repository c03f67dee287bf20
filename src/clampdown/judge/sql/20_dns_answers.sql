-- Law: the system resolver's answers to one name, each held against control, encrypted resolvers, TLS and the page.
SELECT
  o.measurement AS measurement,
  o.hostname AS hostname,
  COUNT(*) AS answers,
  CAST(SUM(CASE WHEN o.ip_class <> 'public' THEN 1 ELSE 0 END) AS BIGINT) AS bogons,
  CAST(SUM(CASE WHEN ci.ip IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS in_control,
  CAST(SUM(CASE WHEN ca.asn IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS asn_in_control,
  CAST(SUM(CASE WHEN ai.ip IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS in_encrypted,
  CAST(SUM(CASE WHEN aa.asn IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS asn_in_encrypted,
  CAST(SUM(COALESCE(ti.proven, 0)) AS BIGINT) AS tls_proven,
  CAST(SUM(COALESCE(ti.disproven, 0)) AS BIGINT) AS tls_disproven,
  CAST(SUM(COALESCE(ti.distrusted, 0)) AS BIGINT) AS tls_distrusted,
  CAST(SUM(CASE WHEN tc.ok = 1 THEN 1 ELSE 0 END) AS BIGINT) AS tcp_ok,
  CAST(SUM(CASE WHEN tc.ok = 0 AND tc.failed = 1 AND (o.ip_version = 4 OR rc.v6_ok = 1) THEN 1 ELSE 0 END) AS BIGINT) AS tcp_failed,
  CAST(SUM(COALESCE(pg.same, 0)) AS BIGINT) AS page_same,
  CAST(SUM(COALESCE(pg.other, 0)) AS BIGINT) AS page_other,
  CAST(SUM(COALESCE(pg.answered, 0)) AS BIGINT) AS page_served,
  CAST(SUM(CASE WHEN ti.cut = 1 OR pg.cut = 1 THEN 1 ELSE 0 END) AS BIGINT) AS cut,
  CAST(SUM(COALESCE(cx.dead, 0)) AS BIGINT) AS ctl_dead,
  CAST(SUM(COALESCE(cx.disproven, 0)) AS BIGINT) AS ctl_disproven,
  CAST(SUM(COALESCE(cx.proven, 0)) AS BIGINT) AS ctl_proven,
  CAST(SUM(COALESCE(mk.censor, 0)) AS BIGINT) AS censor_marks,
  CAST(SUM(CASE WHEN o.asn = m.network AND o.ip_class = 'public' THEN 1 ELSE 0 END) AS BIGINT) AS own_network,
  CAST(SUM(CASE WHEN nw.asn IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS at_home,
  CAST(SUM(CASE WHEN ow.target IS NOT NULL AND o.asn IS NOT NULL AND nw.asn IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS foreign_answers
FROM observations AS o
JOIN measurements AS m ON m.measurement = o.measurement
LEFT JOIN rec AS rc ON rc.measurement = o.measurement
LEFT JOIN ctl_ip AS ci ON ci.measurement = o.measurement AND ci.ip = o.ip
LEFT JOIN ctl_asn AS ca ON ca.measurement = o.measurement AND ca.asn = o.asn
LEFT JOIN alt_ip AS ai ON ai.measurement = o.measurement AND ai.ip = o.ip
LEFT JOIN alt_asn AS aa ON aa.measurement = o.measurement AND aa.asn = o.asn
LEFT JOIN tls_ip AS ti ON ti.measurement = o.measurement AND ti.ip = o.ip AND ti.hostname = o.hostname
LEFT JOIN tcp_ip AS tc ON tc.measurement = o.measurement AND tc.ip = o.ip
LEFT JOIN page_ip AS pg ON pg.measurement = o.measurement AND pg.ip = o.ip
LEFT JOIN ctl_at AS cx ON cx.measurement = o.measurement AND cx.ip = o.ip
LEFT JOIN owned AS ow ON ow.target = o.target
LEFT JOIN networks AS nw ON nw.target = o.target AND nw.asn = o.asn
LEFT JOIN marks AS mk ON mk.measurement = o.measurement AND mk.seq = o.seq
WHERE o.origin = 'probe' AND o.operation = 'dns_answer' AND o.classic AND o.ip IS NOT NULL
GROUP BY o.measurement, o.hostname
