"""Law: verdicts follow from facts by rules that are data; nothing here opens a file of the reader's or knows the time."""
