"""Labs and organisations."""
