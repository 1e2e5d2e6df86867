"""Ballatoio: the system that a neighbourhood lab runs on."""

__version__ = "0.1.0"
