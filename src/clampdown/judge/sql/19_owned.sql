-- Law: roles whose operator keeps all their hosts in networks of its own.
SELECT n.target AS target, COUNT(*) AS n
FROM networks AS n
GROUP BY n.target
