-- Law: the addresses at which a session met interference, and when, for residual blocking.
SELECT
  m.day AS day, m.vantage AS vantage, o.ip AS ip, w.target AS target, w.measurement AS measurement,
  m.epoch + COALESCE(o.t, 0.0) AS at
FROM won AS w
JOIN observations AS o ON o.measurement = w.measurement AND o.seq = w.seq
JOIN measurements AS m ON m.measurement = w.measurement
WHERE w.place = 1 AND w.on_path = 1 AND w.verdict = 'blocked' AND w.layer IN ('tcp', 'tls', 'http', 'quic')
  AND o.ip IS NOT NULL AND m.vantage IS NOT NULL AND m.epoch IS NOT NULL
