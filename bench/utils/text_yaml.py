"""YAML as the command line has it: every value is text, and nothing is said twice."""

from typing import Any

import yaml


class TextLoader(yaml.BaseLoader):
    """For `bench.utils.files.load_yaml`. A key that stands twice is an error; PyYAML alone would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping. YAMLError, with both lines, for a key that it has twice."""
        mapping = super().construct_mapping(node, deep)
        seen: dict[Any, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                where = f"on lines {seen[key.value]} and {line}" if line > seen[key.value] else f"on line {line}"
                raise yaml.YAMLError(f"'{key.value}' stands there twice, {where}")
            seen[key.value] = line
        return mapping
