"""Law: a world of countries is made from its seed alone, and knows what is truly blocked in it."""
