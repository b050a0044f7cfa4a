"""State of the rails' processes in SQLite: the same as every process's."""

from kafka_log.state_file import Tables, connect, connect_to_read, drop_state_file, open_state_file

__all__ = ["Tables", "connect", "connect_to_read", "drop_state_file", "open_state_file"]
