-- Law: fingerprints per record and target.
SELECT
  o.measurement AS measurement, o.target AS target,
  MAX(mk.settles) AS settles, MIN(COALESCE(mk.censor_id, mk.any_id)) AS fingerprint
FROM marks AS mk
JOIN observations AS o ON o.measurement = mk.measurement AND o.seq = mk.seq
GROUP BY o.measurement, o.target
