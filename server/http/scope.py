"""What is noted of a request in its scope, for whoever counts and logs requests."""

ROUTE, MODEL, PROBLEM = "pinion.route", "pinion.model", "pinion.problem"
"""The path of its route, the name of the model that was asked, and the slug of the
problem that it was refused with; each is missing where there is none."""
