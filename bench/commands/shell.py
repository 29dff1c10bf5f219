"""What makes the command line easier to type."""

from typing import Literal

from bench.commands import app
from bench.commands.help_pages import examples


@app.command(help_epilogue=examples('eval "$(bench completion bash)"', "bench completion fish | source"))
def completion(shell: Literal["bash", "zsh", "fish", "powershell"], /) -> None:
    """Print a script that makes a shell complete commands and options on Tab.

    The line below does it for one session; put it into the shell's start file to keep it.
    """
    print(app.generate_completion(prog_name="bench", shell=shell))
