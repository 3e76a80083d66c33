"""One page about a fitted model on data of your own, to be sent to someone else.

It is a file of HTML that needs nothing beside it: which modes were trusted, which
raised alarms, what a failing mode would cost, and the most unusual rows, explained.
"""

from sklearn_emma.report._report import Report, make_report

__all__ = ["Report", "make_report"]
