-- Law: bytes per second of each download, per record and name; short transfers say nothing about speed.
SELECT
  o.measurement AS measurement,
  o.target AS target,
  MIN(o.hostname) AS hostname,
  MIN(o.seq) AS seq,
  MAX(o.depth) AS depth,
  CAST(SUM(o.bytes) AS BIGINT) AS bytes,
  MAX(o.seconds) AS seconds,
  CAST(SUM(o.bytes) AS DOUBLE) / MAX(o.seconds) AS rate
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation = 'transfer' AND o.target IS NOT NULL
  AND o.seconds > 0.05 AND o.bytes >= 16384 AND o.bytes <= 100000000000000 AND COALESCE(o.classic, TRUE)
GROUP BY o.measurement, o.target
