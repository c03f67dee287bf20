-- Law: a rule decides when it won, on the path, and says what the verdict says; the others are kept as noted. A class of
-- relays is blocked by the layer at which most of it is cut: a few failures at a layer that works decide nothing.
SELECT
  w.measurement AS measurement, w.target AS target, w.hostname AS hostname, w.layer AS layer, w.seq AS seq, w.rule AS rule, w.rank AS rank,
  w.verdict AS verdict, w.mechanism AS mechanism, w.place = 1 AS won,
  CASE
    WHEN j.state IS NULL THEN FALSE
    WHEN w.place <> 1 THEN FALSE
    WHEN j.overruled_by IS NOT NULL THEN COALESCE(w.rule = j.overruled_by, FALSE)
    WHEN w.layer IN ('record', 'pool') THEN FALSE
    WHEN j.state = 'throttled' THEN w.evidence = 'speed'
    WHEN w.evidence = 'speed' THEN FALSE
    WHEN t.mode = 'some' AND w.verdict = 'blocked' AND COALESCE(tl.verdict, 'blocked') = 'ok' THEN FALSE
    WHEN w.on_path = 1 AND w.side = 0 AND w.verdict = j.state AND (COALESCE(h.state = j.state, FALSE) OR t.mode = 'some') THEN TRUE
    ELSE FALSE
  END AS decides,
  CASE w.layer WHEN 'dns' THEN 1 WHEN 'tcp' THEN 2 WHEN 'tls' THEN 3 WHEN 'http' THEN 4 WHEN 'quic' THEN 5 WHEN 'tunnel' THEN 6 ELSE 0 END AS layer_order,
  COALESCE(mk.settles, 0) AS settles,
  COALESCE(mk.censor_id, mk.any_id) AS fingerprint
FROM won AS w
LEFT JOIN judged AS j ON j.measurement = w.measurement AND j.target = w.target
LEFT JOIN host_state AS h ON h.measurement = w.measurement AND h.target = w.target AND h.hostname = w.hostname
LEFT JOIN target_layer AS tl ON tl.measurement = w.measurement AND tl.target = w.target AND tl.layer = w.layer
LEFT JOIN targets AS t ON t.target = w.target
LEFT JOIN marks AS mk ON mk.measurement = w.measurement AND mk.seq = w.seq
