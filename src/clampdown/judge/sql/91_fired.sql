-- Law: every rule that fired, with the observation it fired on.
SELECT
  d.measurement AS measurement, d.target AS target, d.layer AS layer, d.seq AS seq, d.rule AS rule,
  d.verdict AS verdict, d.mechanism AS mechanism, d.won AS won, d.decides AS decides,
  COALESCE(d.fingerprint, CASE WHEN d.rule = 'dns.blockpage_address' THEN mt.fingerprint END) AS fingerprint,
  m.day AS day
FROM decisions AS d
JOIN measurements AS m ON m.measurement = d.measurement
LEFT JOIN mark_target AS mt ON mt.measurement = d.measurement AND mt.target = d.target
ORDER BY d.measurement NULLS FIRST, d.target NULLS FIRST, d.layer_order NULLS FIRST, d.seq NULLS FIRST, d.rank NULLS FIRST, d.rule NULLS FIRST
