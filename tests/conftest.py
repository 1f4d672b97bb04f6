"""What every test runs under."""

import signal

# The background job of a shell ignores SIGINT, and so would every program that the
# tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
