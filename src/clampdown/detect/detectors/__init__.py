"""Law: a detector turns a series into change points, and knows nothing of countries, targets or words."""
