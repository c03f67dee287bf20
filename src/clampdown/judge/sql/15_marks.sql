-- Law: fingerprints that hit an observation, at their strongest: does one tell a block page here, a product, a settled one.
SELECT
  h.measurement AS measurement,
  h.seq AS seq,
  MAX(CASE WHEN h.scope IN ('nat', 'isp') AND h.expected = 1 THEN 1 ELSE 0 END) AS censor,
  MAX(CASE WHEN h.scope IN ('nat', 'isp') AND h.expected = 0 THEN 1 ELSE 0 END) AS censor_elsewhere,
  MAX(CASE WHEN h.scope IN ('nat', 'isp') AND h.listed = 1 THEN 1 ELSE 0 END) AS settles,
  MAX(CASE WHEN h.kind = 'captcha' THEN 1 ELSE 0 END) AS captcha,
  MAX(CASE WHEN h.kind = 'geofence' THEN 1 ELSE 0 END) AS geofence,
  MAX(CASE WHEN h.kind = 'legal' THEN 1 ELSE 0 END) AS legal,
  MAX(CASE WHEN h.kind = 'proxy' THEN 1 ELSE 0 END) AS proxy,
  MAX(CASE WHEN h.kind = 'refusal' THEN 1 ELSE 0 END) AS refusal,
  MAX(CASE WHEN h.scope = 'prod' THEN 1 ELSE 0 END) AS product,
  MIN(CASE WHEN h.scope IN ('nat', 'isp') AND h.expected = 1 THEN h.fingerprint END) AS censor_id,
  MIN(h.fingerprint) AS any_id
FROM hits AS h
GROUP BY h.measurement, h.seq
