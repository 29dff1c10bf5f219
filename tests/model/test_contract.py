"""The contract finds what it is there for, and says which plugin, hook and shapes it was."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from helpers.asking import Capture, Command, failure
from helpers.registries import forgotten, loaded

from bench.cli import main
from bench.errors import UsageError
from bench.model.contract import QUICK, RULES, check, check_quickly

HEAD = '''
import torch
from torch import nn
from torch.nn.functional import normalize

from bench import Variant, register


@register("faulty")
class Faulty(Variant):
    """Has one fault."""

    text_needs = ("emotions",)

    def __init__(self, backbone, *, scale: float = 1.0):
        super().__init__(backbone)
        self.emotion = nn.Embedding(8, backbone.text_width)

    def fuse_text(self, tokens, text):
        return tokens + (text.shares @ self.emotion.weight)[:, None]
'''
FAULTS = {
    "a wrong shape": (
        "    def fuse_text(self, tokens, text):\n        return tokens.mean(dim=1)",
        "hooks",
        "fuse_text gives (4, 32) for tokens of (4, 10, 32): give the same shape (B, L, D)",
    ),
    "a wrong width": (
        "    def fuse_text(self, tokens, text):\n        return tokens + torch.zeros(512)",
        "hooks",
        "fuse_text fails on (4, 10, 32), input_ids (4, 10): RuntimeError: ",
    ),
    "tokens that are none": (
        "    def fuse_video(self, tokens, video):\n        return tokens.patches",
        "hooks",
        "fuse_video gives Tensor: give VideoTokens",
    ),
    "features of another width": (
        "    def encode_text(self, text):\n        return normalize(super().encode_text(text)[:, :8], dim=-1)",
        "features",
        "encode_text gives (4, 8), not (4, 24): give unit vectors of that width, or override similarity",
    ),
    "features of another length": (
        "    def encode_video(self, video):\n        return 2 * super().encode_video(video)",
        "features",
        "the features of encode_video have norms of 2 to 2, not 1, and similarity is inherited",
    ),
    "features that change between two passes": (
        "    def encode_text(self, text):\n        found = super().encode_text(text)\n"
        "        return normalize(found + 0.1 * torch.randn_like(found), dim=-1)",
        "repeated",
        "encode_text gives other features in a second pass over the same batch",
    ),
    "features that change with the batch": (
        "    def encode_text(self, text):\n        found = super().encode_text(text)\n"
        "        return normalize(found - 0.5 * found.mean(dim=0), dim=-1)",
        "batches",
        "in evaluation, encode_text depends on what else is in the batch",
    ),
    "a transposed similarity": (
        "    def similarity(self, text, video):\n        return video @ text.T",
        "similarity",
        "similarity gives (4, 3) (transposed) for 3 captions and 4 clips, not (3, 4)",
    ),
    "a similarity that is transposed where it is square": (
        "    def similarity(self, text, video):\n"
        "        return video @ text.T if len(text) == len(video) else text @ video.T",
        "similarity",
        "similarity is transposed where there are as many captions as clips, (4, 4)",
    ),
    "no gradient": (
        "    def fuse_text(self, tokens, text):\n        return tokens",
        "gradients",
        "the loss has no gradient for emotion.weight: remove or use them",
    ),
    "a loss that is no scalar": (
        "    def extra_losses(self, text, video, text_features, video_features):\n"
        "        return {'mood': text_features.sum(dim=1)}",
        "gradients",
        "extra_losses gives (4,) as 'mood': give a scalar",
    ),
    "a loss of what a hook has left": (
        "    def encode_text(self, text):\n        self.left = super().encode_text(text)\n        return self.left\n"
        "    def extra_losses(self, text, video, text_features, video_features):\n"
        "        return {'left': self.left.square().sum(dim=1).mean() + self.left.mean()}",
        "chunks",
        "is not that of the whole batch: extra_losses must take what it needs from its arguments",
    ),
    "a hyperparameter without annotation": (
        "    def __init__(self, backbone, *, scale=1.0):\n        super().__init__(backbone)",
        "hyperparameters",
        "the hyperparameter 'scale' of __init__ needs an annotation: float, int, bool, str",
    ),
    "a hyperparameter by position": (
        "    def __init__(self, backbone, scale: float = 1.0):\n        super().__init__(backbone)",
        "hyperparameters",
        "__init__ takes 'scale' by position: write `*, scale: float = …`",
    ),
    "what it did not ask for": (
        "    text_needs = ()",
        "needs",
        "What it reads it must ask for: text_needs, video_needs",
    ),
}
ON_CPU_ALONE = "    def fuse_text(self, tokens, text):\n        return tokens + torch.zeros(1).cuda()"


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Writes a plugin with a fault, whose name is forgotten afterwards."""

    def write(fault: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(f"{HEAD}\n{fault}\n", encoding="utf-8")
        return path

    with forgotten():
        yield write


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_found_and_named(what: str, faulty: Callable[[str], Path]) -> None:
    fault, rule, line = FAULTS[what]
    with loaded(faulty(fault)), pytest.raises(UsageError) as error:
        check("faulty", rule)
    assert str(error.value).startswith("plugin mine.py, variant 'faulty': ")
    assert line in str(error.value)


@pytest.mark.parametrize("what", [name for name, (_, rule, _) in FAULTS.items() if rule in QUICK])
def test_the_quick_rules_stop_it_before_it_trains(what: str, faulty: Callable[[str], Path]) -> None:
    with loaded(faulty(FAULTS[what][0])), pytest.raises(UsageError):
        check_quickly("faulty", {})


def test_a_tensor_on_a_gpu_is_found_with_and_without_one(faulty: Callable[[str], Path]) -> None:
    with loaded(faulty(ON_CPU_ALONE)), pytest.raises(UsageError, match=r"fuse_text .*without \.cuda\(\)"):
        check("faulty", "hooks")


def test_a_sound_plugin_keeps_every_rule_and_no_random_state_moves(faulty: Callable[[str], Path]) -> None:
    before = torch.get_rng_state()
    with loaded(faulty("")):
        for rule in RULES:
            check("faulty", rule)
        check_quickly("faulty", {"scale": "2"})
    assert torch.equal(before, torch.get_rng_state())


def test_bench_run_stops_before_any_training(
    faulty: Callable[[str], Path], command: Command, tmp_path: Path, capsys: Capture
) -> None:
    code, said = failure(command(variant="faulty", plugin=faulty(FAULTS["no gradient"][0])), capsys)
    assert code == 2
    assert said == f"bench: plugin mine.py, variant 'faulty': {FAULTS['no gradient'][2]}\n"
    assert not list(tmp_path.rglob("*.safetensors"))


def test_check_variant_has_a_line_for_every_rule_and_exits_with_1(
    faulty: Callable[[str], Path], capsys: Capture
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["check-variant", "faulty", "--plugin", str(faulty(FAULTS["no gradient"][0]))])
    said = capsys.readouterr()
    assert stop.value.code == 1
    levels = re.findall(r"^(ok|FAIL) +(\w+)", said.out, re.MULTILINE)
    assert [rule for _, rule in levels] == list(RULES)
    assert [rule for level, rule in levels if level == "FAIL"] == ["gradients"]
    assert said.err == "bench: faulty breaks 1 of 15 rules. Mend the first one first: it may cause the others.\n"
