-- Law: what encrypted resolvers said of a name: a witness the path to the system resolver cannot forge.
SELECT
  o.measurement AS measurement,
  o.hostname AS hostname,
  MAX(CASE WHEN o.operation = 'dns_lookup' AND o.outcome = 'ok' THEN 1 ELSE 0 END) AS ok,
  MAX(CASE WHEN o.operation = 'dns_lookup' AND o.failure = 'dns_nxdomain_error' THEN 1 ELSE 0 END) AS nxdomain,
  CAST(SUM(CASE WHEN o.operation = 'dns_answer' AND o.ip IS NOT NULL AND o.ip_class = 'public' THEN 1 ELSE 0 END) AS BIGINT) AS public_answers
FROM observations AS o
WHERE o.origin = 'probe' AND o.layer = 'dns' AND o.engine IN ('doh', 'dot')
GROUP BY o.measurement, o.hostname
