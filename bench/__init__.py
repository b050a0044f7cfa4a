"""Measurements: `directpay bench` runs its stages against servers of their own and prints one JSON object of figures.

contestants.py    who is measured, as processes (worker_process.py): our worker, stock Faust and Kafka Streams in peers/
inputs.py         the payments of a run as records that wait for their release
judge.py          whether the events are those that the inputs mean: otherwise a run does not count
stream_stage.py   payments/s and payments a CPU-second of one worker, ours and its peers in turns
codec_stage.py    Avro beside JSON, no broker
restore_stage.py  restore and resident memory, from snapshots.py
faults_stage.py   ours and stock Faust under the same faults

Over HTTP, whole systems (system.py: own_system.py, and peers):

end_to_end_stage.py   turns of ours and of peers, from a payment over HTTP to its terminal row
sustained_stage.py    batches for minutes, in slices of 10 s (over_time.py)
backlog_stage.py      a million commands that wait are drained, new_payments.py answered meanwhile
growth_stage.py       what a payment costs with few and with many payments in the system
part_stages.py        ingest, gateway and read, of ours
phase.py              one load and what came of it; load.py hands it to open_loop.py, a process of its own
process_times.py      CPU time and memory of all processes of a system, ended ones included

plots.py              plots of the figures of any of them, in docs/figures; drawing.py has what they are made of
"""
