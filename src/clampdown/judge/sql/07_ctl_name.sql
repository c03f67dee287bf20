-- Law: what the control met, per layer, where the record names no address: it speaks of the name, to steps without one.
SELECT
  o.measurement AS measurement,
  o.layer AS layer,
  o.hostname AS hostname,
  MAX(CASE WHEN o.outcome = 'ok' THEN 1 ELSE 0 END) AS ok,
  MAX(CASE WHEN o.outcome = 'failed' THEN 1 ELSE 0 END) AS failed
FROM observations AS o
WHERE o.origin = 'control' AND o.layer IN ('tcp', 'tls', 'quic') AND o.ip IS NULL AND o.hostname IS NOT NULL
GROUP BY o.measurement, o.layer, o.hostname
