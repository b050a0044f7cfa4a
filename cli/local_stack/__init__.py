"""The whole system on one machine without Docker: real Kafka, real Postgres, every process of ours."""
