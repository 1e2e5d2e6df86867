"""«Starts with», answered from an index on both databases.

SQLite: Django's LIKE carries an ESCAPE clause, with which SQLite never uses an index (sqlite.org/optoverview, «The
LIKE Optimization»); a range over the same column does. PostgreSQL: a range follows the collation of the database,
LIKE with an index of class varchar_pattern_ops does not (documentation, «Operator Classes and Operator Families»).
"""

from typing import Any

from django.db import connection
from django.db.models import F, Q
from django.db.models.expressions import OrderBy
from django.db.models.sql.compiler import SQLCompiler

# Sorts after every character that a person can type.
LAST_CHARACTER = "\U0010ffff"


def prefix_filter(field: str, prefix: str) -> Q:
    """Give the condition that `field` starts with `prefix`, in the form that the present database answers by index.

    Both sides are expected to be normalised already (core/text.py): the comparison is by code point.
    """
    if connection.vendor == "postgresql":
        return Q(**{f"{field}__startswith": prefix})
    return Q(**{f"{field}__gte": prefix, f"{field}__lt": prefix + LAST_CHARACTER})


class ByCodePoint(OrderBy):
    """Order by a column in the order of its prefix index, so that the database may stop at the limit."""

    def as_postgresql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        # The comment is for Django, which looks for the word ASC or DESC in every ordering.
        return super().as_sql(compiler, connection, template="%(expression)s USING ~<~ /* ASC */")


def prefix_order(field: str) -> ByCodePoint:
    """Give the ordering that goes with prefix_filter on the same field: exact word first, then by alphabet."""
    return ByCodePoint(F(field))
