-- Law: of several uploads of one measurement the one with the smallest id counts.
SELECT
  m.measurement AS measurement,
  ROW_NUMBER() OVER (PARTITION BY m.day, m.repeat ORDER BY m.measurement NULLS FIRST) AS place
FROM measurements AS m
WHERE m.repeat IS NOT NULL
