"""How properties are looked for: no deadline per example, since a busy machine says nothing about the code."""

from hypothesis import HealthCheck, settings

settings.register_profile("unit", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
