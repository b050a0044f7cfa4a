"""What the peers on Kafka share: an API that produces commands, the tables of their sinks, and their servers.

api.py       FastAPI and aiokafka, as their documentation shows them
system.py    Kafka, the topics, the API
tables.sql   the seed's two tables, for a sink
"""
