"""Stock Faust 0.15.3 deciding the same records into the same events, as its documentation shows it.

tuning.py   what its documentation says of speed, and its broker settings
app.py      the topology: one agent, one table, the events
worker.py   the process
"""
