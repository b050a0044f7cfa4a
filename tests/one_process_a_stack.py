"""How `make test` shares tests out among processes: by file, and all that stands on the one stack to one process.

A stack in each of three processes would take a third of a small machine from the other tests, most of it while nothing
is asked of it.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

ON_THE_STACK = "tests/e2e/"


class OneProcessAStack(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return ON_THE_STACK if nodeid.startswith(ON_THE_STACK) else super()._split_scope(nodeid)
