"""Our topology as stock parts give it: FastAPI and aiokafka, stock Faust agents, a row-at-a-time sink into Postgres.

app.py      the stock Faust worker: commands, a table, events
sink.py     events into Postgres, each a transaction
system.py   their processes
"""
