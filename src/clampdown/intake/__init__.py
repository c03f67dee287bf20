"""Law: records in, rows out: every record becomes one measurement or one reject, and bodies end here."""
