"""Law: a service is replayed by a real server on loopback; what it serves and how it misbehaves is data.

`server.py` speaks HTTP, `bucket.py` answers as an object storage does, `proxies.py` stands in between, `tls.py` makes
certificates, `faults.py` says what goes wrong, `archive.py` and `api.py` make the world that is served.
"""
