-- Law: whether the probe itself could reach an address the control or an encrypted resolver gave for the name.
SELECT
  o.measurement AS measurement,
  o.hostname AS hostname,
  MAX(CASE WHEN tc.ok = 1 THEN 1 ELSE 0 END) AS reached
FROM observations AS o
JOIN tcp_ip AS tc ON tc.measurement = o.measurement AND tc.ip = o.ip
WHERE o.operation = 'dns_answer' AND (o.origin = 'control' OR o.engine IN ('doh', 'dot'))
GROUP BY o.measurement, o.hostname
