"""Measurements: `directpay bench` runs its stages against a Kafka of their own and prints one JSON object of figures.

contestants.py    who is measured, as processes (worker_process.py): our worker, stock Faust and Kafka Streams in peers/
inputs.py         the payments of a run as records that wait for their release
judge.py          whether the events are those that the inputs mean: otherwise a run does not count
stream_stage.py   payments/s and payments a CPU-second of one worker, ours and its peers in turns
codec_stage.py    Avro beside JSON, no broker
restore_stage.py  restore and resident memory, from snapshots.py
faults_stage.py   ours and stock Faust under the same faults
"""
