"""Public home, address page, the operator's day."""
