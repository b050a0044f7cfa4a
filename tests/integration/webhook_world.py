"""A Kafka broker, a receiver, a dispatcher to be killed, and by hand what the stream app does for both."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

from confluent_kafka import Producer

from cli.local_stack.ports import free_port
from directory.changes import Changed, DirectoryCommand, DirectoryRecord, DirectorySecret, change
from directory.sealing import Keyring
from directory.webhook_secrets import WebhookSecret, rotated, secret_text, to_json
from kafka_log.reader import LogReader
from payments.payment import Payment
from schemas import codec
from schemas.deliveries import WebhookDelivery, WebhookReplay
from schemas.topics import DIRECTORY_COMMANDS, DIRECTORY_EVENTS, DIRECTORY_SECRETS, WEBHOOK_DELIVERIES, WEBHOOK_REQUESTS
from tests.integration.projected_log import T0_US, Writer, life, order
from tests.integration.rail_processes import KEYRING, PARTITIONS, RailProcess
from tests.integration.webhook_receiver import WebhookReceiver
from tests.unit.webhooks.endpoints import endpoint_record

DELAYS_S = (0.0, 0.1, *[0.3] * 40)
RUN_DISPATCHER = """
import json, sys
from pathlib import Path
from directory.sealing import Keyring
from observability.logs import configure_logging
from webhooks.dispatcher import DispatcherConfig, run
settings = json.loads(sys.argv[1])
configure_logging(settings["instance"], "DEBUG")
keyring = Keyring.parse(settings.pop("keyring"))
run(DispatcherConfig(**settings | {"state_dir": Path(settings["state_dir"])}, keyring=keyring))
"""


class WebhookWorld:
    """`tenant` has the endpoints; payments are written as the stream app writes them."""

    def __init__(self, folder: Path, bootstrap: str, *, seed: int) -> None:
        self.tenant = f"tenant-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        self.bootstrap = bootstrap
        self.receiver = WebhookReceiver(seed=seed)
        self.dispatcher = self.another_dispatcher("webhooks-0")
        self._writer = Writer(bootstrap)
        self._producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 1})
        self._keyring = Keyring.parse(KEYRING)
        self.records: dict[str, DirectoryRecord] = {}
        self._secrets: dict[str, tuple[WebhookSecret, ...]] = {}
        self._names: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self._commands = LogReader(bootstrap, client_id="directory-by-hand")
        self._commands.assign(
            {
                (DIRECTORY_COMMANDS.name, n): end
                for n, end in self._commands.end_offsets(DIRECTORY_COMMANDS.name).items()
            }
        )
        self._paid = 0

    def another_dispatcher(self, instance: str) -> RailProcess:
        port = free_port()
        settings = {
            "bootstrap": self.bootstrap,
            "partitions": PARTITIONS,
            "state_dir": str(self.folder / instance),
            "instance": instance,
            "health_port": port,
            "keyring": KEYRING,
            "allow_private": True,
            "delays_s": DELAYS_S,
        }
        return RailProcess(RUN_DISPATCHER, settings, name=instance, folder=self.folder, port=port)

    def close(self) -> None:
        self.dispatcher.kill()
        self.receiver.close()
        self._commands.close()

    def endpoint(self, name: str) -> str:
        """Make the receiver's path `name` an endpoint, and return its id."""
        record = endpoint_record(tenant_id=self.tenant, url=self.receiver.url(name), created_at_us=T0_US)
        self._names[record.entity_id], self.ids[name] = name, record.entity_id
        self.rotate(record.entity_id)
        self._write(record)
        return record.entity_id

    def rotate(self, endpoint_id: str) -> None:
        """Give an endpoint a new secret, which its owner does not have yet."""
        new = WebhookSecret(secret=secret_text(uuid.uuid4().bytes + uuid.uuid4().bytes), made_by=str(uuid.uuid4()))
        known = self._secrets.get(endpoint_id, ())
        both = rotated(known, new, at_us=4_000_000_000_000_000)
        self._secrets[endpoint_id] = both
        sealed = self._keyring.seal(endpoint_id, to_json(both), uuid.uuid4().bytes[:12])
        record = endpoint_record(endpoint_id, tenant_id=self.tenant)
        secret = DirectorySecret(entity_id=endpoint_id, tenant_id=self.tenant, kind=record.kind, sealed=sealed)
        self._produce(DIRECTORY_SECRETS.name, endpoint_id, codec.encode(secret))
        self.receiver.expect(self._names[endpoint_id], both[-1].secret)

    def deploy_new_secret(self, endpoint_id: str) -> None:
        """Let the owner have the new secret, and no other."""
        self.receiver.expect(self._names[endpoint_id], self._secrets[endpoint_id][0].secret)

    def pay(self, count: int) -> list[Payment]:
        """Write so many payments' whole lives, and return what each came to."""
        first = self._paid
        self._paid += count
        lives = [life(order(self.tenant, n), n) for n in range(first, self._paid)]
        # One transition of each, then the next: as a busy log has them.
        for step in range(max(map(len, lives))):
            self._writer.write([each[step] for each in lives if step < len(each)])
        return [each[-1] for each in lives]

    def decide_directory(self) -> list[DirectoryCommand]:
        """Do what is asked of the directory so far, as the stream app does; return the commands."""
        commands = []
        for message in self._commands.read(100, 0.2):
            command = codec.decode(message.value())
            assert isinstance(command, DirectoryCommand)
            commands.append(command)
            decided = change(command, self.records.get(command.entity_id))
            if isinstance(decided, Changed):
                self._write(decided.record)
        return commands

    def enable(self, endpoint_id: str, name: str) -> None:
        """Change an endpoint to be enabled, and at another path of the receiver."""
        record = self.records[endpoint_id]
        self._names[endpoint_id] = name
        fresh = endpoint_record(endpoint_id, tenant_id=self.tenant, url=self.receiver.url(name))
        self._write(replace(record, version=record.version + 1, entity=fresh.entity))
        self.receiver.expect(name, self._secrets[endpoint_id][0].secret)

    def replay(self, endpoint_id: str, **wish: object) -> WebhookReplay:
        request = WebhookReplay(
            request_id=str(uuid.uuid4()),
            endpoint_id=endpoint_id,
            tenant_id=self.tenant,
            requested_at_us=T0_US,
            **wish,  # type: ignore[arg-type]
        )
        self._produce(WEBHOOK_REQUESTS.name, endpoint_id, codec.encode(request))
        return request

    def delivery_log(self, endpoint_id: str) -> list[WebhookDelivery]:
        """Return all attempts for an endpoint that are on the log, those of each payment in order."""
        reader = LogReader(self.bootstrap, client_id="delivery-log")
        try:
            ends = reader.end_offsets(WEBHOOK_DELIVERIES.name)
            places = {(WEBHOOK_DELIVERIES.name, n): 0 for n, end in ends.items() if end}
            reader.assign(places)
            found = []
            while any(reader.positions[place] < ends[place[1]] for place in places):
                for message in reader.read(1000, 0.2):
                    if message.key() == endpoint_id.encode():
                        delivery = codec.decode(message.value())
                        assert isinstance(delivery, WebhookDelivery)
                        found.append(delivery)
            return found
        finally:
            reader.close()

    def _write(self, record: DirectoryRecord) -> None:
        self.records[record.entity_id] = record
        self._produce(DIRECTORY_EVENTS.name, record.entity_id, codec.encode(record))

    def _produce(self, topic: str, key: str, value: bytes) -> None:
        self._producer.produce(topic, key=key, value=value)
        assert self._producer.flush(30) == 0
