"""The topology on Quix Streams as a System: the API, the stream stage, the sink."""

from __future__ import annotations

from pathlib import Path

from bench.peers.interpreter import interpreter
from bench.peers.on_kafka.system import COMMANDS, EVENTS, OnKafka

HERE = Path(__file__).parent


class Quix(OnKafka):
    """FastAPI and aiokafka onto Kafka, Quix Streams 3.28.1 exactly-once, its own batching sink into Postgres.

    Its statuses advance inside the stream stage, without a bank. A batch is added, as for every peer on Kafka.
    """

    name = "Quix Streams, exactly-once"

    def _begin_behind(self, bootstrap: str, database_uri: str) -> None:
        python = str(interpreter("quix", HERE / "requirements.txt"))
        env = {
            "PEER_KAFKA": bootstrap,
            "PEER_COMMANDS": COMMANDS,
            "PEER_EVENTS": EVENTS,
            "PEER_STATE": str(self.folder / "quix"),
            "PEER_DATABASE": database_uri,
        }
        self._run("stage", python, str(HERE / "app.py"), "stage", env=env)
        self._run("sink", python, str(HERE / "app.py"), "sink", env=env)
