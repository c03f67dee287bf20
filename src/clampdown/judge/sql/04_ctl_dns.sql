-- Law: what the record's own control resolved, per name; of an answer the record may not say the address.
SELECT
  o.measurement AS measurement,
  o.hostname AS hostname,
  MAX(CASE WHEN o.operation = 'dns_lookup' AND o.outcome = 'ok' THEN 1 ELSE 0 END) AS ok,
  MAX(CASE WHEN o.operation = 'dns_lookup' AND o.outcome = 'failed' THEN 1 ELSE 0 END) AS failed,
  MAX(CASE WHEN o.operation = 'dns_lookup' AND o.failure = 'dns_nxdomain_error' THEN 1 ELSE 0 END) AS nxdomain,
  CAST(SUM(CASE WHEN o.operation = 'dns_answer' AND (o.ip IS NOT NULL OR (o.answer_type IS NULL AND o.outcome = 'ok')) THEN 1 ELSE 0 END) AS BIGINT) AS answers,
  CAST(SUM(CASE WHEN o.operation = 'dns_answer' AND o.ip_class = 'public' THEN 1 ELSE 0 END) AS BIGINT) AS public_answers
FROM observations AS o
WHERE o.origin = 'control' AND o.layer = 'dns'
GROUP BY o.measurement, o.hostname
