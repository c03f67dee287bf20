"""Law: results in, bytes out; nothing here decides anything, opens anything or asks anybody."""
