"""The topology on stock Faust as a System: the API, a Faust worker, a sink."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.peers.on_kafka.system import COMMANDS, CORES, EVENTS, OnKafka, ours
from bench.system import PARTITIONS_OF_SYSTEMS


class FaustTopology(OnKafka):
    """FastAPI and aiokafka onto Kafka, an agent of stock Faust 0.15.3, row-at-a-time sinks into Postgres.

    Its packages are ours, at our versions. Its statuses advance inside the agent, without a bank. A batch is added, as
    for every peer on Kafka. Not `confirmed`, as Faust's guide shows it, the agent does not wait for the broker to have
    a payment's events: faster, and a killed worker may lose them.
    """

    def __init__(self, folder: Path, *, confirmed: bool = True) -> None:
        super().__init__(folder)
        self.name = f"stock Faust, row-at-a-time sink{'' if confirmed else ', unconfirmed'}"
        self._confirmed = confirmed

    def _begin_behind(self, bootstrap: str, database_uri: str) -> None:
        env = {
            "PEER_KAFKA": bootstrap,
            "PEER_COMMANDS": COMMANDS,
            "PEER_EVENTS": EVENTS,
            "PEER_PARTITIONS": str(PARTITIONS_OF_SYSTEMS),
            "PEER_STATE": str(self.folder / "faust"),
            "PEER_DATABASE": database_uri,
            "PEER_CONFIRMED": "yes" if self._confirmed else "no",
            **ours(),
        }
        self._run("faust", sys.executable, "-m", "bench.peers.faust_topology.app", env=env)
        # A lone sink waits for the disk at each of its commits; several share what the disk takes at once.
        for number in range(CORES):
            self._run(f"sink-{number}", sys.executable, "-m", "bench.peers.faust_topology.sink", env=env)
