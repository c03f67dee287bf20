-- Law: the networks of the addresses the control resolved.
SELECT o.measurement AS measurement, o.asn AS asn
FROM observations AS o
WHERE o.origin = 'control' AND o.operation = 'dns_answer' AND o.asn IS NOT NULL
GROUP BY o.measurement, o.asn
