"""Floor 10, report: the one place that renders templates; everything that isn't a template is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import serpentune
from serpentune.common.visible import visible
from serpentune.report import _format


@cache
def environment() -> Environment:
    """Jinja with escaping always on, and an error for a name that a template misspells."""
    result = Environment(
        loader=PackageLoader("serpentune.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    result.filters["count"] = _format.count
    result.filters["number"] = _format.number
    result.filters["percent"] = _format.percent
    result.filters["level"] = _format.level
    result.filters["tidy"] = _format.tidy
    result.filters["ending"] = _format.ending
    result.globals["NOT_MEASURED"] = _format.NOT_MEASURED
    return result


def _visible(value: object) -> object:
    """What a template shows of a value: no mark in a name may turn the sentence around it."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def render(template: str, **context: object) -> str:
    """The text of one template under `templates/`."""
    return environment().get_template(template).render(**context)


def page(template: str, title: str, scripts: Sequence[str], context: Mapping[str, object]) -> str:
    """The text of a whole page: a template that extends `page.html`.

    Args:
        template: under `templates/`.
        title: the page's headline.
        scripts: templates of its JavaScript, in their order.
        context: what the template shows beside that.
    """
    script = Markup("".join(render(name) for name in scripts))
    return render(
        template,
        title=title,
        version=serpentune.__version__,
        script=script,
        script_hash=_csp_hash(script),
        **context,
    )


def _csp_hash(script: str) -> str:
    """The page's policy lets this one script run and no other, whatever a model calls itself."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
