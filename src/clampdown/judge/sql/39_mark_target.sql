-- Law: fingerprints per record and target; a block page counts for the target that was sent to it.
SELECT u.measurement AS measurement, u.target AS target, MAX(u.settles) AS settles, MIN(u.fingerprint) AS fingerprint
FROM (
  SELECT o.measurement AS measurement, o.target AS target, mk.settles AS settles,
    COALESCE(mk.censor_id, mk.any_id) AS fingerprint
  FROM marks AS mk
  JOIN observations AS o ON o.measurement = mk.measurement AND o.seq = mk.seq
  UNION ALL
  SELECT p.measurement AS measurement, p.target AS target, mk.settles AS settles, mk.censor_id AS fingerprint
  FROM led_to_page AS p
  JOIN marks AS mk ON mk.measurement = p.measurement AND mk.seq = p.seq
) AS u
GROUP BY u.measurement, u.target
