"""Law: the only place where bytes are kept; atomic and idempotent, and it knows nothing of what they mean."""
