"""`--help`: examples, and the defaults that hold, which for a run are those of the default dataset's card."""

from typing import TYPE_CHECKING, Any

from cyclopts.help import DefaultFormatter, HelpPanel, InlineText

from bench.config import RunConfig, flat

if TYPE_CHECKING:
    from bench.data.cards import Card

SAYS_NOTHING = ('""', "[]", "{}", "False")  # defaults: off, or none given


class HelpPages(DefaultFormatter):
    """Cyclopts' panels, with the defaults of the default dataset, and without defaults that say nothing."""

    def __call__(self, console: Any, options: Any, panel: HelpPanel) -> None:
        """Prints one panel of a help page."""
        defaults = _card_defaults(panel) if panel.format == "parameter" else {}
        entries = []
        for entry in panel.entries:
            default = next((defaults[name] for name in entry.names if name in defaults), entry.default)
            text = getattr(getattr(entry.description, "primary_renderable", None), "plain", "")
            changes: dict[str, Any] = {"default": None if default in SAYS_NOTHING else default}
            if "\n" in text:  # the parser keeps the line breaks of docstrings
                changes["description"] = InlineText.from_format(" ".join(text.split()), "plaintext")
            entries.append(entry.copy(**changes))
        super().__call__(console, options, panel.copy(entries=entries))


def examples(*lines: str) -> str:
    """The end of a command's help page."""
    return "\n".join(["Examples:", *(f"  {line}" for line in lines)])


def _card_defaults(panel: HelpPanel) -> dict[str, str]:
    """Flag -> default, from the card of the default dataset; only for a command that takes the settings of a run."""
    names = {name for entry in panel.entries for name in entry.names}
    if "--train.lr" not in names:
        return {}
    from bench.data.cards import load_card

    card: Card = load_card(RunConfig.dataset)
    recipe = {"split": card.train, "test": card.test, **flat(card.recipe)}
    return {f"--{name.replace('_', '-')}": str(value) for name, value in recipe.items()}
