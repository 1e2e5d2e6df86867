"""Pages that span the wings."""
