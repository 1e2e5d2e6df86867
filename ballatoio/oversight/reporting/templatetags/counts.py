"""Rows and shapes drawn in one go: the map of needs has hundreds, and a template takes its time for each."""

from collections.abc import Iterable

from django import template
from django.utils.html import conditional_escape as esc
from django.utils.safestring import SafeString, mark_safe

from ballatoio.oversight.reporting.needs_map import HouseShape, MonthBar, Row

register = template.Library()

BAR = (
    '<td class="bar-cell"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
    '<rect class="chart-bar" width="{}" height="10"/></svg></td>'
)


def number(row: Row, url: str) -> str:
    """Give a count that opens onto its records."""
    return f'<a href="{esc(url)}?{esc(row.opens)}">{row.count}</a>' if row.count else "0"


@register.simple_tag
def count_rows(rows: Iterable[Row], url: str) -> SafeString:
    """The rows of a table of counts, each with its bar; `url` is the list that they open."""
    drawn = []
    for row in rows:
        label = f'<a href="?{esc(row.inside)}">{esc(row.label)}</a>' if row.inside else esc(row.label)
        bar = BAR.format(row.share)
        drawn.append(f'<tr><th scope="row">{label}</th>{bar}<td class="num">{number(row, url)}</td></tr>')
    return mark_safe("".join(drawn))


@register.simple_tag
def month_rows(months: Iterable[MonthBar], url: str) -> SafeString:
    """The rows of a table of months."""
    return mark_safe(
        "".join(
            f'<tr><th scope="row">{esc(month.row.label)}</th><td class="num">{number(month.row, url)}</td></tr>'
            for month in months
        )
    )


@register.simple_tag
def month_bars(months: Iterable[MonthBar], height: int) -> SafeString:
    """The bars of a chart of months, with the names for which there is room."""
    drawn = []
    for month in months:
        bar, row = month.bar, month.row
        drawn.append(
            f'<rect class="chart-bar" x="{bar.x}" y="{bar.y}" width="{bar.width}" height="{bar.height}">'
            f"<title>{esc(row.label)}: {row.count}</title></rect>"
        )
        if month.label:
            drawn.append(f'<text class="chart-text" x="{bar.x}" y="{height}">{esc(month.label)}</text>')
    return mark_safe("".join(drawn))


@register.simple_tag
def house_shapes(shapes: Iterable[HouseShape]) -> SafeString:
    """The houses of a map, the darker the more; those that lead somewhere do so for the mouse alone."""
    drawn = []
    for shape in shapes:
        title = f"<title>{esc(shape.title)}</title>" if shape.title else ""
        path = f'<path class="shade-{shape.shade}" d="{shape.path}">{title}</path>'
        drawn.append(f'<a href="?{esc(shape.inside)}" tabindex="-1">{path}</a>' if shape.inside else path)
    return mark_safe("".join(drawn))
