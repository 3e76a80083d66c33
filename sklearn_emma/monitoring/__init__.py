"""Health of sensors over time: which mode fails, since when, and whether it recovered.

A monitor is fed samples in the order in which they come, and keeps a few numbers for
each mode. :mod:`sklearn_emma.plotting` draws what it says.
"""

from sklearn_emma.monitoring._monitor import SensorHealthMonitor

__all__ = ["SensorHealthMonitor"]
