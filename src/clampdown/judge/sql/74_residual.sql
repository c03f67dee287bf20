-- Law: interference met within 180 seconds after interference against another target at the same address.
SELECT b.measurement AS measurement, b.target AS target, COUNT(*) AS n
FROM triggers AS a
JOIN triggers AS b ON b.vantage = a.vantage AND b.ip = a.ip AND b.day = a.day
WHERE b.target <> a.target AND b.measurement <> a.measurement AND b.at > a.at AND b.at <= a.at + 180.0
GROUP BY b.measurement, b.target
