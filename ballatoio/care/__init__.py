"""The confidential work around a person."""
