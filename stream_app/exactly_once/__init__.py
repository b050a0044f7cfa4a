"""A runtime for Faust in which nothing read is lost and no event of a table is written twice.

It knows nothing of payments. Faust gives membership of the group, co-partitioned assignment, agents and the worker;
here is what happens between a fetch and its committed offset, because stock Faust loses records there (an exception
or a cancellation acknowledges, commits run past gaps, sends are not awaited, fetches survive a seek):

fetches.py        one Faust event is all that was fetched at once, read committed, numbered since the seek
lane.py           one partition of one agent: restore, then batches; only the next fetch of the chain is taken
lanes.py          every lane of the process: opened at an assignment, closed at a revocation
transactions.py   batches' records and the offsets of their input, in one transaction for all lanes that wait
group_member.py   in whose name offsets are committed: the broker refuses a member of an earlier generation
store.py          a lane's state on disk, with the offset of its topic up to which it is complete
restore.py        what a store lacks of its topic, read committed to its end before anything is decided
gaps.py           input that is gone and was never decided: a worker goes on behind it only when told to
retention.py      input that was decided long enough ago is deleted
group_offsets.py  what the group has committed, as the broker tells it
watchdog.py       a worker that is alive and idle, or was paused for too long, stops
fail_stop.py      what every unexpected exception does: the process ends at once, its transactions stay open
worker.py         the Faust app that holds these together

The promise: a reader of committed records sees the output of every input record exactly once, in order. What holds it:
- Output and input offsets are one transaction, also when there is no output.
- Offsets are committed in the name of a generation of the group, so a worker that slept is refused by the broker,
  whatever it had queued. Whoever takes a partition over first waits for what its former owner had under way, offsets
  and records, then reads committed offsets and state.
- A failed or fenced worker ends. Nothing is retried in place: the next owner starts from what is committed.
"""
