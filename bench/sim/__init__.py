"""Law: a world is made from its seed alone, and says what truly happened in it."""
