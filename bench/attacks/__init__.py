"""Attacks on a server that is started for them.

Each module has `SENTENCE`, what it does; `measure(victim, options)`, which returns its
figures; and `tabulate(figures)`, which returns them as text. `bench.measurements.attack`
is their command line.
"""
