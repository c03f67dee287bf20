"""Law: the demo is a world whose truth we made: what is found in it can be held against the script."""
