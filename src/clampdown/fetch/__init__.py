"""Law: the network comes in here and nowhere else, politely, and what it brought is a file named by its digest.

`services/` says what to ask for, one file per remote service; `client.py` asks; `haul.py` brings files to the disk;
`ledger.py` remembers what was brought. Nothing here reads what a file means: that is the river's.
"""
