"""A terminal program in which data engineers watch their own work."""

__version__ = "0.1.0"
