-- Law: the path to one name is as good as its last step: the page, else the certificate, else (where nothing more is
-- asked, and the answer that led there is not known to be forged) the connection. Order: invalid, ok, blocked, refused, down, unknown.
SELECT
  h.measurement AS measurement, h.target AS target, h.hostname AS hostname,
  h.dns AS dns, h.tcp AS tcp, h.tls AS tls, h.http AS http, h.quic AS quic, h.tunnel AS tunnel,
  CASE
    WHEN h.http = 'ok' OR h.tunnel = 'ok' THEN 'ok'
    WHEN h.http = 'invalid' OR h.tls = 'invalid' THEN 'invalid'
    WHEN COALESCE(h.http, 'not_applicable') = 'not_applicable' AND h.tls = 'ok' AND COALESCE(h.tunnel, 'not_applicable') = 'not_applicable' THEN 'ok'
    WHEN h.http IS NULL AND h.tls IS NULL AND h.tcp IS NULL AND h.quic = 'ok' THEN 'ok'
    WHEN h.http IS NULL AND h.tls IS NULL AND h.tunnel IS NULL AND h.tcp = 'ok' AND COALESCE(h.dns, 'ok') <> 'blocked' AND m.test NOT IN ('web_connectivity', 'urlgetter', 'browser_web') THEN 'ok'
    WHEN h.http = 'blocked' OR h.tls = 'blocked' OR h.tcp = 'blocked' OR h.dns = 'blocked' OR h.tunnel = 'blocked' THEN 'blocked'
    WHEN h.quic = 'blocked' AND h.tls IS NULL AND h.tcp IS NULL THEN 'blocked'
    WHEN h.http = 'refused' THEN 'refused'
    WHEN h.http = 'down' OR h.tls = 'down' OR h.tcp = 'down' OR h.dns = 'down' THEN 'down'
    WHEN h.http IS NULL AND h.tls IS NULL AND h.tcp IS NULL AND h.quic IS NULL AND h.tunnel IS NULL AND b.n IS NULL AND h.dns = 'ok' AND m.test NOT IN ('web_connectivity', 'urlgetter', 'browser_web') THEN 'ok'
    ELSE 'unknown'
  END AS state
FROM host_wide AS h
JOIN measurements AS m ON m.measurement = h.measurement
LEFT JOIN beyond AS b ON b.measurement = h.measurement AND b.target = h.target
