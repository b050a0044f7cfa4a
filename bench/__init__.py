"""Measurements: `directpay bench` runs its stages against a Kafka of their own and prints one JSON object of figures.

contestants.py    who is measured, as processes (worker_process.py): our worker, and stock Faust in peers/
inputs.py         the payments of a run as records that wait for their release
judge.py          whether the events are those that the inputs mean: otherwise a run does not count
stream_stage.py   payments/s of one worker, ours and stock Faust in turns
restore_stage.py  restore and resident memory, from snapshots.py
faults_stage.py   ours and stock Faust under the same faults
"""
