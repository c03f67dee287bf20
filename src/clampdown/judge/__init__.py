"""Law: verdicts follow from facts by rules that are data; nothing here opens a reader's file or knows the time."""
