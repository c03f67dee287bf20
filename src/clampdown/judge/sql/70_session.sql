-- Law: how much of what one session tried in one hour got through; a session in which nearly all fails has no network.
SELECT
  m.day AS day, m.vantage AS vantage, m.network AS network, m.hour AS hour,
  COUNT(DISTINCT s.target) AS targets,
  COUNT(DISTINCT CASE WHEN s.state IN ('ok', 'refused', 'throttled') THEN s.target END) AS through
FROM target_state AS s
JOIN measurements AS m ON m.measurement = s.measurement
WHERE m.vantage IS NOT NULL AND m.hour IS NOT NULL
GROUP BY m.day, m.vantage, m.network, m.hour
