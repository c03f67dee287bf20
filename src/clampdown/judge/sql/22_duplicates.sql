-- Law: second answers to one query, which only an injector beside the resolver sends.
SELECT o.measurement AS measurement, o.hostname AS hostname, COUNT(*) AS n
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation = 'dns_lookup' AND o.detail = 'duplicate'
GROUP BY o.measurement, o.hostname
