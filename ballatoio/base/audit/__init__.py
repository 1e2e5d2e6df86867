"""Append-only record of acts and of readings."""
