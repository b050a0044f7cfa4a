"""Kafka Streams deciding the same records into the same events with exactly_once_v2, as its documentation shows it.

jars.py     what it runs on: jars from Maven Central, classes compiled from java/ on first use
worker.py   the process
java/       the program: Worker (topology, clients, metrics), Tuning, Decider (one partition), Payment, Wire (Avro),
            Order and Rules (what may be asked), Canonical (ids and hashes)

It reads, checks, decides and writes what ours does, directory aside. Three things are simpler: metadata may be in any
spelling of JSON, an unknown schema is refused instead of resolved, and what a refusal says in detail is shorter.
"""
