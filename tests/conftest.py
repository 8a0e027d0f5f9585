"""What all tests share: properties are checked without a clock, since a busy machine is slow and not wrong."""

from hypothesis import HealthCheck, settings

settings.register_profile("crysim", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("crysim")
