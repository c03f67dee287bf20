-- Law: the addresses the control resolved.
SELECT o.measurement AS measurement, o.ip AS ip
FROM observations AS o
WHERE o.origin = 'control' AND o.operation = 'dns_answer' AND o.ip IS NOT NULL
GROUP BY o.measurement, o.ip
