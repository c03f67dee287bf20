"""Law: what is said of ways through is held against a scripted truth, the same rows for every method."""
