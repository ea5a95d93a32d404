"""Floor 10, report: the one place that renders templates; everything that isn't a template is escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from serpentune.report import _format


@cache
def environment() -> Environment:
    """Jinja with escaping always on, and an error for a name that a template misspells."""
    result = Environment(
        loader=PackageLoader("serpentune.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    result.filters["count"] = _format.count
    result.filters["number"] = _format.number
    result.filters["percent"] = _format.percent
    result.filters["tidy"] = _format.tidy
    result.filters["ending"] = _format.ending
    result.globals["NOT_MEASURED"] = _format.NOT_MEASURED
    return result


def render(template: str, **context: object) -> str:
    """The text of one template under `templates/`."""
    return environment().get_template(template).render(**context)
