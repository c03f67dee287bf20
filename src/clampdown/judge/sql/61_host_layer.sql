-- Law: per name and layer one way through is enough: an ordinary program tries the next address.
SELECT
  w.measurement AS measurement, w.target AS target, w.hostname AS hostname, w.layer AS layer,
  CASE
    WHEN MAX(CASE WHEN w.verdict = 'ok' THEN 1 ELSE 0 END) = 1 THEN 'ok'
    WHEN MAX(CASE WHEN w.verdict = 'invalid' THEN 1 ELSE 0 END) = 1 THEN 'invalid'
    WHEN MAX(CASE WHEN w.verdict = 'blocked' THEN 1 ELSE 0 END) = 1 THEN 'blocked'
    WHEN MAX(CASE WHEN w.verdict = 'refused' THEN 1 ELSE 0 END) = 1 THEN 'refused'
    WHEN MAX(CASE WHEN w.verdict = 'down' THEN 1 ELSE 0 END) = 1 THEN 'down'
    WHEN MAX(CASE WHEN w.verdict = 'unknown' THEN 1 ELSE 0 END) = 1 THEN 'unknown'
    ELSE 'not_applicable'
  END AS verdict
FROM won AS w
WHERE w.place = 1 AND w.on_path = 1 AND w.side = 0 AND w.layer <> 'record' AND w.evidence <> 'speed'
GROUP BY w.measurement, w.target, w.hostname, w.layer
