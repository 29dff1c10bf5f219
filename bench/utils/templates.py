"""HTML templates of a package: everything that they are given is escaped, and a name that they lack is an error."""

from functools import cache

import jinja2

from bench.utils.images import data_address


@cache
def template(package: str, name: str) -> jinja2.Template:
    """The template `name` in the folder `templates` of an importable package, e.g. "bench.demo"."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_address"] = data_address
    return environment.get_template(name)
