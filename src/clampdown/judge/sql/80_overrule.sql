-- Law: an instrument that erred overrules everything; the day's other records only weaken what was found blocked.
SELECT
  w.measurement AS measurement, w.target AS target,
  MIN(CASE WHEN w.layer = 'record' THEN w.verdict END) AS record_verdict,
  MIN(CASE WHEN w.layer = 'record' THEN w.rule END) AS record_rule,
  MIN(CASE WHEN w.layer = 'pool' THEN w.verdict END) AS pool_verdict,
  MIN(CASE WHEN w.layer = 'pool' THEN w.rule END) AS pool_rule
FROM won AS w
WHERE w.place = 1 AND w.layer IN ('record', 'pool')
GROUP BY w.measurement, w.target
