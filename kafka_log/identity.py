"""Which log this is: so that what was kept of another can be told apart."""

from __future__ import annotations

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from kafka_log.connection import LIBRDKAFKA_LOG, client_settings

ADMIN_S_MAX = 10.0


def log_identity(bootstrap: str, topic: str) -> str:
    """Return the cluster's id and the topic's: another topic of the same name has another. Raises KafkaException."""
    admin = AdminClient(client_settings(bootstrap, "directpay-identity"), logger=LIBRDKAFKA_LOG)
    cluster = admin.list_topics(timeout=ADMIN_S_MAX).cluster_id
    described = admin.describe_topics(TopicCollection([topic]), request_timeout=ADMIN_S_MAX)
    return f"{cluster}/{described[topic].result().topic_id}"
