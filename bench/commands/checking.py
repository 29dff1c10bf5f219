"""Does a variant keep the contract: check-variant."""

from dataclasses import dataclass, field

from cyclopts import Parameter

from bench.commands import Plugins, app, load_plugins, next_steps, quiet
from bench.commands.help_pages import examples
from bench.errors import BenchError, UsageError
from bench.utils.text import wrapped


@Parameter(name="*")
@dataclass(frozen=True)
class Hyperparameters:
    """Of the variant that is checked."""

    hp: dict[str, str] = field(default_factory=dict)
    """The variant's hyperparameters, if not the defaults: --hp.init_std 0.02"""


@app.command(
    name="check-variant",
    help_epilogue=examples("bench check-variant any_emotion --plugin mine.py", "bench check-variant film_text"),
)
def check_variant(name: str, /, *, given: Hyperparameters = Hyperparameters(), plugin: Plugins = []) -> None:  # noqa: B006
    """Check a variant against the rules for variants, on a small model: shapes, gradients, saving, claims.

    `bench run` checks the rules from hyperparameters to batches by itself before it trains a variant of a plugin.
    """
    quiet()
    from bench.model import variant_registry
    from bench.model.contract import RULES, check

    load_plugins(plugin)
    variant_registry.parse_hyperparameters(name, given.hp)
    broken = 0
    for rule, check_it in RULES.items():
        said, level = (check_it.__doc__ or "").strip(), "ok"
        try:
            check(name, rule, **given.hp)
        except UsageError as error:
            said, level = str(error), "FAIL"
            broken += 1
        print("\n".join(wrapped(said, 30, first=f"{level:<6}{rule:<24}")))
    if broken:
        raise BenchError(
            f"{name} breaks {broken} of {len(RULES)} rules. Mend the first one first: it may cause the others."
        )
    extra = "".join(f" --plugin {path}" for path in plugin)
    next_steps(f"bench run --variant {name}{extra}")
