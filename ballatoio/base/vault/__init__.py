"""The key of each confidential record."""
