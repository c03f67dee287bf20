-- Law: what the control met at an address, whatever the port: nothing at all, the site's own
-- certificate, or a server with another's.
SELECT
  e.measurement AS measurement,
  e.ip AS ip,
  CASE WHEN MAX(e.ok) = 0 THEN 1 ELSE 0 END AS dead,
  MAX(CASE WHEN e.layer = 'tls' THEN e.ok ELSE 0 END) AS proven,
  CASE WHEN MAX(e.wrong_certificate) = 1 AND MAX(CASE WHEN e.layer = 'tls' THEN e.ok ELSE 0 END) = 0 THEN 1 ELSE 0 END AS disproven
FROM ctl_ep AS e
GROUP BY e.measurement, e.ip
