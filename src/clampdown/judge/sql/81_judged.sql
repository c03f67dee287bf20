-- Law: every measurement has at least one verdict; a record that tried no target has one without a target.
SELECT
  s.measurement AS measurement, s.target AS target, s.state AS path_state,
  CASE
    WHEN v.record_verdict IS NOT NULL THEN v.record_verdict
    WHEN s.state = 'blocked' AND v.pool_verdict IS NOT NULL THEN v.pool_verdict
    ELSE s.state
  END AS state,
  CASE WHEN v.record_verdict IS NOT NULL THEN v.record_rule WHEN s.state = 'blocked' THEN v.pool_rule END AS overruled_by
FROM target_state AS s
LEFT JOIN overrule AS v ON v.measurement = s.measurement AND v.target = s.target
UNION ALL
SELECT
  m.measurement AS measurement, m.target AS target,
  CASE WHEN m.test IN ('ndt', 'dash', 'ndt7', 'multi_protocol_traceroute', 'traceroute') THEN 'not_applicable' ELSE 'unknown' END AS path_state,
  CASE
    WHEN m.instrument IS NOT NULL THEN 'invalid'
    WHEN m.test IN ('ndt', 'dash', 'ndt7', 'multi_protocol_traceroute', 'traceroute') THEN 'not_applicable'
    ELSE 'unknown'
  END AS state,
  CASE WHEN m.instrument = 'clock' THEN 'record.clock' WHEN m.instrument IS NOT NULL THEN 'record.instrument' END AS overruled_by
FROM measurements AS m
LEFT JOIN judged_ids AS j ON j.measurement = m.measurement
WHERE j.measurement IS NULL
