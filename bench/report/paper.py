r"""The report for a paper: report.tex with one main table and the figures, supplement.tex with every other table.

Every float has a \label, the protocol stands once, figures are PDF, and references.bib has what is to be cited.
"""

from collections.abc import Sequence

from bench.compare.sections import Section
from bench.report.answer import answers
from bench.report.figures import Figure
from bench.report.overview import BOLD, main_table
from bench.report.page import facts
from bench.report.parts import Study
from bench.utils.tables import escape, latex
from bench.utils.templates import template
from bench.utils.terminal import printable

PACKAGES = "% needs \\usepackage{booktabs,longtable,graphicx}"
_FIT = r"width=\linewidth,height=0.6\textheight,keepaspectratio"  # with its caption on one page


def bibtex() -> str:
    """What a paper that uses these tables has to cite: the suite, the model, the data, the tests."""
    return template("bench.report", "references.bib").render() + "\n"


def main_tex(studies: Sequence[Study], figures: dict[str, list[Figure]], folder: str) -> str:
    """The main table of each study and all figures, for \\input. folder: of the figures."""
    lines = [PACKAGES, "% cite references.bib: \\cite{emotion-video-bench,clip-vip}"]
    for number, study in enumerate(studies, 1):
        lines += [f"% {printable(sentence)}" for sentence in (*answers(study), facts(study))]
        lines += [f"% {printable(part.label)} {printable(part.group.protocol)}" for part in study.parts]
        table = main_table(study)
        title = study.parts[0].group.protocol if len(study.parts) == 1 else ""
        note = f"{facts(study)} {BOLD if table.bold else ''}".strip()
        lines.append(latex(table, title, note, f"tab:main{number if number > 1 else ''}"))
        for part in study.parts:
            for figure in figures[part.key]:
                caption = f"{part.label}: {figure.caption}" if part.label else figure.caption
                lines += ["\\begin{figure}", "\\centering"]
                lines.append(f"\\includegraphics[{_FIT}]{{{folder}/{figure.name}.pdf}}")
                lines.append(f"\\caption{{{escape(printable(caption))}}}\\label{{fig:{figure.name}}}")
                lines += ["\\end{figure}", ""]
    return "\n".join(lines)


def supplement_tex(
    studies: Sequence[Study], sections: dict[str, list[Section]], figures: dict[str, list[Figure]]
) -> str:
    """Every other table, part by part, each part's protocol with its first."""
    lines = [PACKAGES]
    for study in studies:
        for part in study.parts:
            for place, section in enumerate(sections[part.key]):
                title = part.group.protocol if place == 0 else ""
                lines.append(latex(section.table, title, section.note, f"tab:{part.key}-{section.key}"))
            for figure in figures[part.key]:
                if figure.table:
                    lines.append(latex(figure.table, "", f"{figure.title}.", f"tab:{figure.name}"))
    return "\n".join(lines)
