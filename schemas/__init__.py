"""The wire: Avro records in Confluent's format, topics, and which partition a key belongs to. It does no IO."""
