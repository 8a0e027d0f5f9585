"""What all tests share: properties are checked without a clock, since a busy machine is slow and not wrong."""

import signal
import threading

from hypothesis import HealthCheck, settings

settings.register_profile("crysim", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("crysim")

# A suite in the background (nohup, a job of a script) ignores interrupts, and what it starts would inherit that: a
# command that a test interrupts would go on for ever.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
