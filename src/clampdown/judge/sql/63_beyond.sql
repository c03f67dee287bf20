-- Law: targets of which more was tried than a lookup: then a lookup alone is no way through.
SELECT h.measurement AS measurement, h.target AS target, COUNT(*) AS n
FROM host_layer AS h
WHERE h.layer <> 'dns'
GROUP BY h.measurement, h.target
