"""Law: each test of the judge says only what matters to it."""
