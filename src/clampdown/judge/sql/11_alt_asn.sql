-- Law: the networks of the addresses encrypted resolvers gave.
SELECT o.measurement AS measurement, o.asn AS asn
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation = 'dns_answer' AND o.engine IN ('doh', 'dot') AND o.asn IS NOT NULL
GROUP BY o.measurement, o.asn
