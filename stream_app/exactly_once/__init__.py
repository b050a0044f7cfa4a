"""A runtime for Faust in which nothing read is lost and no event of a table is written twice.

It knows nothing of payments. Faust gives membership of the group, co-partitioned assignment, agents and the worker;
here is what happens between a fetch and its committed offset, because stock Faust loses records there (an exception
or a cancellation acknowledges, commits run past gaps, sends are not awaited, fetches survive a seek):

fetches.py   one Faust event is a whole fetch of a partition, read committed, numbered since the last seek
lane.py      one partition of one agent: restore, then batches; only the next fetch of the chain is taken
lanes.py     every lane of the process: opened at an assignment, closed at a revocation; what may be committed
output.py    a batch's records, written in order and awaited before any offset moves
restore.py   a table's topic, read committed from its start to its end before anything is decided
watchdog.py  a worker that is alive and idle, or was paused for too long, stops
fail_stop.py what every unexpected exception does: the process ends at once, its offsets stay where they were
worker.py    the Faust app that holds these together

Promise today: at least once in; out, no event twice, as long as deciding a record again changes nothing in its table.
A crash between the output and the commit of the offsets repeats the batch: its events are recognised by the restored
table, its rejections and forwarded records are written again.

What is open until output and offsets are one transaction, which fences a former owner (it takes the place of
`Output.write` and of the commit in `fetches.py`; `Lane.commit` stays):
- A worker paused in the middle of a write, for longer than the session timeout, can double the events it had handed to
  its producer. It checks its generation and its own sleep before it writes, and what it had queued expires before the
  group gives its partitions away (seen with a longer expiry: 2 events of 2,500 doubled), but nothing at the broker
  refuses them.
- A produce request that is still in the broker's socket when a killed worker's successor has read the table's end.
- With two inputs a repeated batch can meet its reports in another order, and accept what it had refused before.
"""
