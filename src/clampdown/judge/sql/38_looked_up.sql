-- Law: names that the record shows a lookup of. Old probes showed none of a redirect's, only how its request ended.
SELECT o.measurement AS measurement, o.hostname AS hostname, COUNT(*) AS n
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation = 'dns_lookup' AND o.hostname IS NOT NULL
GROUP BY o.measurement, o.hostname
