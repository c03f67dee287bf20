"""Law: a change is claimed with a bracket, a level of false alarms and what speaks against it, or not at all."""
