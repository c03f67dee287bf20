-- Law: the addresses encrypted resolvers gave.
SELECT o.measurement AS measurement, o.ip AS ip
FROM observations AS o
WHERE o.origin = 'probe' AND o.operation = 'dns_answer' AND o.engine IN ('doh', 'dot') AND o.ip IS NOT NULL
GROUP BY o.measurement, o.ip
