-- Law: the addresses the system resolver gave, and the name each was given for.
SELECT o.measurement AS measurement, o.ip AS ip, MIN(o.hostname) AS hostname
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation = 'dns_answer' AND o.classic AND o.ip IS NOT NULL
GROUP BY o.measurement, o.ip
