"""The report as markdown: the same order as the page, every table open, figures linked."""

from collections.abc import Sequence

from bench.compare.sections import Section
from bench.report.answer import answers, asked, own_answer
from bench.report.figures import Figure
from bench.report.overview import BOLD, foundations, main_table
from bench.report.page import TITLE, facts
from bench.report.parts import Study
from bench.utils.tables import markdown
from bench.utils.terminal import printable


def markdown_report(
    studies: Sequence[Study], sections: dict[str, list[Section]], figures: dict[str, list[Figure]], folder: str
) -> str:
    """sections, figures: by the keys of the parts. folder: of the figures, as links have it."""
    lines = [f"# {TITLE}", ""]
    for study in studies:
        lines += [f"## {printable(study.name)}", ""]
        lines += [f"{printable(sentence)}\n" for sentence in (*answers(study), asked(study), facts(study)) if sentence]
        table = main_table(study)
        lines += ["### What to trust", "", markdown(foundations(study), "", "").lstrip("\n")]
        lines += ["### All variants", "", markdown(table, "", BOLD if table.bold else "").lstrip("\n")]
        for part in study.parts:
            lines += [f"## {printable(part.label or study.name)}: the evidence", ""]
            lines += [f"`{printable(part.group.protocol)}`", ""]
            lines += [f"{printable(sentence)}\n" for sentence in own_answer(part) if len(study.parts) > 1]
            for section in sections[part.key]:
                lines += [f"### {printable(section.heading)}", "", markdown(section.table, "", section.note)]
            for figure in figures[part.key]:
                alt = printable(figure.alt).replace("[", "(").replace("]", ")")
                lines += [f"### {printable(figure.title)}", "", f"![{alt}]({folder}/{figure.name}.svg)", ""]
                lines += [printable(figure.caption), ""]
                lines += [markdown(figure.table, "", "").lstrip("\n")] if figure.table else []
    return "\n".join(lines).rstrip("\n") + "\n"
