"""Law: worlds of connectivity signals whose truth is scripted, the rules of others, and how both are scored."""
