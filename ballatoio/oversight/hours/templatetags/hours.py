"""What the templates of hours need."""

from django import template

from ballatoio.oversight.hours.clock import write_minutes

register = template.Library()


@register.filter
def as_hours(minutes: int | None) -> str:
    """Give minutes as hours and minutes, «0» for none."""
    return write_minutes(minutes or 0) or "0"
