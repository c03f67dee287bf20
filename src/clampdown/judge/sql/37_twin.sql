-- Law: failures met beside the path at an address that is the site's own, where the control passes: the same failure at
-- the resolver's address is then not a matter of that address.
SELECT s.measurement AS measurement, s.layer AS layer, s.hostname AS hostname, s.failure AS failure, COUNT(*) AS n
FROM steps AS s
WHERE s.outcome = 'failed' AND s.on_path = 0 AND s.stray = 0 AND (s.ip_version = 4 OR s.v6_ok = 1)
  AND (s.ctl = 'ok' OR (s.layer = 'http' AND s.ctl_page = 'ok'))
GROUP BY s.measurement, s.layer, s.hostname, s.failure
