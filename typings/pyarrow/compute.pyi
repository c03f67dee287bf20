# Law: pyarrow is compiled and ships no types; it is Any here, and the schemas are checked where tables are built.
from typing import Any

def __getattr__(name: str) -> Any: ...
