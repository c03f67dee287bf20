-- Law: for each country, the same target seen from all others.
SELECT
  a.day AS day, a.target AS target, a.country AS country,
  CAST(SUM(b.failed) AS BIGINT) AS failed,
  CAST(SUM(b.failed_networks) AS BIGINT) AS failed_networks,
  CAST(SUM(b.reached) AS BIGINT) AS reached
FROM elsewhere AS a
JOIN elsewhere AS b ON b.target = a.target AND b.day = a.day
WHERE b.country <> a.country
GROUP BY a.day, a.target, a.country
