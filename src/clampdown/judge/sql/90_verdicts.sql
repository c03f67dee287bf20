-- Law: one row per measurement and target, in the order of CONTRACTS.
SELECT
  j.measurement AS measurement, j.target AS target, m.day AS day, m.hour AS hour, m.time AS time,
  m.country AS country, m.network AS network, m.resolver_network AS resolver_network,
  m.test AS test, m.test_version AS test_version, m.software AS software, m.platform AS platform,
  m.network_type AS network_type, m.vantage AS vantage, m.vantage_kind AS vantage_kind,
  j.state AS state,
  CASE WHEN j.state IN ('blocked', 'throttled', 'refused') THEN b.mechanism END AS mechanism,
  COALESCE(b.rule, j.overruled_by) AS rule,
  l.dns AS dns, l.tcp AS tcp, l.tls AS tls, l.http AS http, l.quic AS quic, l.tunnel AS tunnel,
  CASE WHEN j.state = 'blocked' AND mt.settles = 1 THEN TRUE ELSE FALSE END AS settled,
  CASE WHEN rp.place > 1 THEN TRUE ELSE FALSE END AS repeat
FROM judged AS j
JOIN measurements AS m ON m.measurement = j.measurement
LEFT JOIN best AS b ON b.measurement = j.measurement AND b.target = j.target AND b.place = 1
LEFT JOIN layers_wide AS l ON l.measurement = j.measurement AND l.target = j.target
LEFT JOIN mark_target AS mt ON mt.measurement = j.measurement AND mt.target = j.target
LEFT JOIN repeats AS rp ON rp.measurement = j.measurement
ORDER BY m.country NULLS FIRST, j.target NULLS FIRST, m.network NULLS FIRST, m.time NULLS FIRST, j.measurement NULLS FIRST
