-- Law: every address any resolver gave in the record, and its name.
SELECT o.measurement AS measurement, o.ip AS ip, MIN(o.hostname) AS hostname, MAX(o.asn) AS asn
FROM observations AS o
WHERE o.operation = 'dns_answer' AND o.ip IS NOT NULL
GROUP BY o.measurement, o.ip
