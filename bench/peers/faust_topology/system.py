"""The topology on stock Faust as a System: the API, a Faust worker, a sink."""

from __future__ import annotations

import sys

from bench.broker import PARTITIONS
from bench.peers.on_kafka.system import COMMANDS, EVENTS, OnKafka, ours


class FaustTopology(OnKafka):
    """FastAPI and aiokafka onto Kafka, an agent of stock Faust 0.15.3, a row-at-a-time sink into Postgres.

    Its packages are ours, at our versions. Its statuses advance inside the agent, without a bank. A batch is added, as
    for every peer on Kafka.
    """

    name = "stock Faust, row-at-a-time sink"

    def _begin_behind(self, bootstrap: str, database_uri: str) -> None:
        env = {
            "PEER_KAFKA": bootstrap,
            "PEER_COMMANDS": COMMANDS,
            "PEER_EVENTS": EVENTS,
            "PEER_PARTITIONS": str(PARTITIONS),
            "PEER_STATE": str(self.folder / "faust"),
            "PEER_DATABASE": database_uri,
            **ours(),
        }
        self._run("faust", sys.executable, "-m", "bench.peers.faust_topology.app", env=env)
        self._run("sink", sys.executable, "-m", "bench.peers.faust_topology.sink", env=env)
