"""The design that DirectPay's seed document shows: FastAPI, SQLAlchemy, Celery, Redis and Postgres.

app.py            its models, endpoints and task, in an environment of its own (requirements.txt)
system.py         its processes, and the Redis that comes with one of the packages
parties.sql       the accounts and leases that payments refer to
"""
