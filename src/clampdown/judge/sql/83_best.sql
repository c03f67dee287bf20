-- Law: the best deciding rule of a verdict: a settled artefact first, then the layer nearest the wire.
SELECT
  d.measurement AS measurement, d.target AS target, d.rule AS rule, d.mechanism AS mechanism,
  ROW_NUMBER() OVER (
    PARTITION BY d.measurement, d.target
    ORDER BY CASE WHEN d.mechanism IS NULL THEN 1 ELSE 0 END NULLS FIRST, d.settles DESC NULLS LAST,
      CASE WHEN d.verdict = 'ok' THEN 9 - d.layer_order ELSE d.layer_order END NULLS FIRST,
      d.rank NULLS FIRST, d.seq NULLS FIRST
  ) AS place
FROM decisions AS d
WHERE d.decides
