"""SQL of the rails' processes in .sql files: read as every process's."""

from kafka_log.sql_files import read_statements

__all__ = ["read_statements"]
