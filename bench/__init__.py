"""Measures what the product costs, against plain Django pages served beside it in the same run."""
