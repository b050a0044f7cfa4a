"""Others that do what ours does, measured beside it.

stock_faust, row_at_a_time               our stream stage and our projection, each alone
seed_design, faust_topology, quix        whole systems, from POST to the row: each is a System (bench/system.py)

What the whole systems share:
peer.py          a System's common part: its Postgres, its programs, how it shows that it is ready
on_kafka         the common part of those on Kafka, with their API
orders.py        the payments that they are sent
judged.py        what their tables say of them, by the statements in sql
program.py       a process with a log; interpreter.py an environment for packages that are not ours
"""
