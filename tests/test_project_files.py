"""What lies beside the code: how to cite it, how to help, and what a container is built from."""

import re
import tomllib

import yaml
from conftest import ROOT

import bench

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_citation_is_of_this_version_and_has_what_the_format_asks_for() -> None:
    """Citation File Format 1.2.0: required are cff-version, message, title and authors."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"] and citation["title"] and citation["authors"]
    assert citation["version"] == bench.__version__
    assert citation["license"] == PROJECT["project"]["license"]


def test_every_file_that_contributing_links_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_container_gets_all_that_the_package_is_built_from() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert "*" in lines  # all else stays out: the list of what is kept is whole
    build = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["include"]
    needed = [path.strip("/") for path in build] + [PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]]
    needed += ["pyproject.toml", "constraints.txt"]
    # `results` itself is kept for its published numbers; its content is left out again below
    left = [path for path in needed if not any((path + "/").startswith(f"{one}/") for one in kept if one != "results")]
    assert left == []


def test_the_container_runs_without_root_and_names_a_version_of_its_base() -> None:
    assert re.findall(r"^USER (\w+)", DOCKERFILE, re.MULTILINE)[-1] != "root"
    [base] = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert re.search(r":\d+\.\d+", base)
