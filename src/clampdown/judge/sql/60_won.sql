-- Law: of the rules that fired on one row of evidence the first in its file wins; all are kept.
SELECT
  r.measurement AS measurement, r.target AS target, r.hostname AS hostname, r.layer AS layer, r.seq AS seq,
  r.on_path AS on_path, r.side AS side, r.evidence AS evidence, r.rule AS rule, r.rank AS rank,
  r.verdict AS verdict, r.mechanism AS mechanism,
  ROW_NUMBER() OVER (
    PARTITION BY r.measurement, r.target, r.hostname, r.layer, r.seq, r.evidence ORDER BY r.rank NULLS FIRST
  ) AS place
FROM fires AS r
