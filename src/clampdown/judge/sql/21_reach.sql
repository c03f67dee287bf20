-- Law: how far the probe itself got at an address that the control or an encrypted resolver gave for the name.
SELECT
  o.measurement AS measurement,
  o.hostname AS hostname,
  MAX(CASE WHEN tc.ok = 1 THEN 1 ELSE 0 END) AS reached,
  MAX(CASE WHEN ti.proven = 1 OR pg.answered = 1 THEN 1 ELSE 0 END) AS served
FROM observations AS o
JOIN tcp_ip AS tc ON tc.measurement = o.measurement AND tc.ip = o.ip
LEFT JOIN tls_ip AS ti ON ti.measurement = o.measurement AND ti.ip = o.ip AND ti.hostname = o.hostname
LEFT JOIN page_ip AS pg ON pg.measurement = o.measurement AND pg.ip = o.ip
WHERE o.operation = 'dns_answer' AND (o.origin = 'control' OR o.engine IN ('doh', 'dot'))
GROUP BY o.measurement, o.hostname
