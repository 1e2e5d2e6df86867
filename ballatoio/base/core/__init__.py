"""Dates, languages, masking of small cells, base templates and assets. No models."""
