-- Law: downloads found throttled by comparison, per record and target.
SELECT w.measurement AS measurement, w.target AS target, MIN(w.rule) AS rule
FROM won AS w
WHERE w.place = 1 AND w.evidence = 'speed' AND w.verdict = 'throttled'
GROUP BY w.measurement, w.target
