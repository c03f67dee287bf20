-- Law: the same target seen from each country on the same day: vantage points that reach it and that do not.
SELECT
  m.day AS day, s.target AS target, m.country AS country,
  COUNT(DISTINCT CASE WHEN s.state IN ('blocked', 'down') THEN m.vantage END) AS failed,
  COUNT(DISTINCT CASE WHEN s.state IN ('blocked', 'down') THEN m.network END) AS failed_networks,
  COUNT(DISTINCT CASE WHEN s.state IN ('ok', 'refused', 'throttled') THEN m.vantage END) AS reached
FROM target_state AS s
JOIN measurements AS m ON m.measurement = s.measurement
WHERE m.vantage IS NOT NULL AND m.network IS NOT NULL AND m.country IS NOT NULL
GROUP BY m.day, s.target, m.country
