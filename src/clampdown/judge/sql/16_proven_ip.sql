-- Law: addresses that TLS proved under any name of the record.
SELECT t.measurement AS measurement, t.ip AS ip, MAX(t.proven) AS proven
FROM tls_ip AS t
GROUP BY t.measurement, t.ip
