"""Our topology on Quix Streams with its exactly-once guarantee, and its own Postgres sink.

app.py      the stream stage and the sink, two applications, in an environment of their own (requirements.txt)
system.py   their processes
"""
