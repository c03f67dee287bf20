"""Law: OONI's API is answered for the records of a replayed archive, in the shapes of its own source.

`/api/v1/raw_measurement` gives the line of the archive; `/api/v1/measurements` pages with `limit` and `offset`
(https://github.com/ooni/backend, ooniapi/services/oonimeasurements).
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

import msgspec

from replay.archive import Archive
from replay.server import Asked, Reply, document


class Api:
    """Mount it at `/api/`."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._rows = sorted(
            {one.uid: one for held in archive.held.values() for one in held if one.uid}.values(),
            key=lambda one: one.uid,
        )  # fmt: skip

    def __call__(self, asked: Asked) -> Reply | None:
        if asked.path == "/api/v1/raw_measurement":
            line = self.archive.answers.get(asked.query.get("measurement_uid", ""))
            return (
                Reply(b'{"error":"Measurement not found"}', 404)
                if line is None
                else document(line, kind="application/json")
            )
        if asked.path == "/api/v1/measurements":
            return document(msgspec.json.encode(self._list(asked)), kind="application/json")
        return None

    def _list(self, asked: Asked) -> dict[str, object]:
        query = asked.query
        since = datetime.fromisoformat(query.get("since", "2012-01-01"))
        until = datetime.fromisoformat(query.get("until", "2100-01-01"))
        rows = [
            one
            for one in self._rows
            if since <= one.time < until
            and query.get("probe_cc") in (None, one.country)
            and query.get("test_name") in (None, one.test)
        ]
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 100))
        found = rows[offset : offset + limit]
        following = {**query, "offset": str(offset + limit)}
        return {
            "metadata": {
                "count": -1, "current_page": offset // limit + 1, "limit": limit, "offset": offset, "pages": -1,
                "next_url": f"/api/v1/measurements?{urlencode(following)}" if offset + limit < len(rows) else None,
                "query_time": 0.01,
            },
            "results": [
                {
                    "measurement_uid": one.uid, "probe_cc": one.country, "probe_asn": f"AS{one.network}",
                    "test_name": one.test, "measurement_start_time": f"{one.time:%Y-%m-%dT%H:%M:%SZ}",
                    "input": None, "anomaly": False, "confirmed": False, "failure": False, "scores": {},
                    "measurement_url": f"/api/v1/raw_measurement?measurement_uid={one.uid}",
                }
                for one in found
            ],
        }  # fmt: skip
