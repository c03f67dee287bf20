-- Law: the layers of one name side by side.
SELECT
  h.measurement AS measurement, h.target AS target, h.hostname AS hostname,
  MAX(CASE WHEN h.layer = 'dns' THEN h.verdict END) AS dns,
  MAX(CASE WHEN h.layer = 'tcp' THEN h.verdict END) AS tcp,
  MAX(CASE WHEN h.layer = 'tls' THEN h.verdict END) AS tls,
  MAX(CASE WHEN h.layer = 'http' THEN h.verdict END) AS http,
  MAX(CASE WHEN h.layer = 'quic' THEN h.verdict END) AS quic,
  MAX(CASE WHEN h.layer = 'tunnel' THEN h.verdict END) AS tunnel
FROM host_layer AS h
GROUP BY h.measurement, h.target, h.hostname
