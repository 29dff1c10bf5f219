"""Rows of published tables, and numbers as they are printed."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import count

from bench.records.audit import audit
from bench.records.published import Elsewhere, Printed, Publication, Row

_place = count(1)


def row(n: int, *, work: str = "work", model: str = "theirs", train: str = "9k", **said: str | list) -> Row:
    """A row of n queries; R1="49.4" is R@1, MdR, MnR and Geom are called so, std is of R@1, R@5, R@10;
    other names are of the protocol."""
    gallery = int(str(said.pop("gallery", 0))) or None
    runs = int(str(said.pop("runs", 1)))
    std = {f"R@{k}": Printed(text) for k, text in zip((1, 5, 10), said.pop("std", []), strict=False)}
    elsewhere = tuple(
        Elsewhere(where, tuple(names), Printed(value)) for where, names, value in said.pop("elsewhere", [])
    )
    texts = {name: str(value) for name, value in said.items()}
    recalls = {f"R@{name[1:]}": Printed(value) for name, value in texts.items() if name[1:].isdigit()}
    ranks = {name: Printed(value) for name, value in texts.items() if name in ("MdR", "MnR", "Geom")}
    protocol = {name: value for name, value in texts.items() if name.islower()}
    return Row(
        source=Publication(work, "A work"),
        place=next(_place),
        model=model,
        train=train,
        dataset="msrvtt",
        test="1k-A",
        subset="all",
        direction="t2v",
        n=n,
        gallery=gallery,
        metrics=recalls | ranks,
        protocol=protocol,
        elsewhere=elsewhere,
        runs=runs,
        std=std,
    )


def said(*rows: Row) -> list[str]:
    return [f"{finding.what}: {finding.why}" for finding in audit(rows)]


def printed(value: Fraction, decimals: int, half_up: bool) -> str:
    """As a program prints it: by formatting a float, or rounded half up."""
    if half_up:
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        return str(exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
    return f"{float(value):.{decimals}f}"
