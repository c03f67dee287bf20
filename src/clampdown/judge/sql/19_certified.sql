-- Law: records whose control met the site's right certificate somewhere: only then does a wrong one elsewhere say anything.
SELECT o.measurement AS measurement, COUNT(*) AS n
FROM observations AS o
WHERE o.origin = 'control' AND o.outcome = 'ok'
  AND (o.operation = 'tls_handshake' OR (o.operation = 'http_exchange' AND o.scheme = 'https'))
GROUP BY o.measurement
