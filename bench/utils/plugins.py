"""Code of the user's own: plugin files, and installed packages with an entry point in the group `bench.plugins`.

Both are plain Python that registers things when it is imported: variants, datasets, metrics, figures and whatever else
has a registry. Entry points are imported the first time that any registry is asked for its names.
"""

import hashlib
import importlib.util
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from bench.errors import UsageError

GROUP = "bench.plugins"
_files: dict[Path, ModuleType] = {}


def load_plugin(path: Path) -> ModuleType:
    """Imports a plugin file; once more if it is asked for again, for it may have changed. UsageError if it fails."""
    if not path.is_file():
        raise UsageError(f"no plugin file at {path}.")
    place = path.resolve()
    name = f"bench_plugin_{path.stem}_{hashlib.sha256(str(place).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file; a plugin is a .py file that registers something.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"the plugin {path} fails when it is imported: {type(error).__name__}: {error}") from error
    _files[place] = module
    return module


def plugin_modules() -> list[ModuleType]:
    """The modules of the plugin files that were loaded, in that order."""
    return list(_files.values())


def plugin_files() -> tuple[Path, ...]:
    """The plugin files that were loaded, for a process that starts anew and has loaded none."""
    return tuple(_files)


@cache
def load_installed() -> None:
    """Imports what installed packages offer. UsageError, naming the package, if that fails."""
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist else point.value
        try:
            point.load()
        except UsageError:
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise UsageError(
                f"the plugin '{point.name}' of the installed package {package} fails when it is imported: {what}. "
                "Mend or uninstall that package."
            ) from error
