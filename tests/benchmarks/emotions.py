"""Times the emotion filter and labels of MSR-VTT's 9 000 training videos: the straightforward way and ours, in one run.

    python tests/benchmarks/emotions.py [--shared DIR] [--repeats 3]

The straightforward way: NLTK's analyzer called text by text, the data frame grown one row at a time with `pd.concat`;
then one NRCLex object per row and per set of columns, each cell written with `df.loc`. Both ways score the same joined
texts and must agree in every number. Nothing is read from a cache: each timing starts with an empty one, and ours
with forgotten words too; within one timing, the second use of a score may read what the first wrote. Both run on one
core and then on two (Linux only: elsewhere the cores are left as they are). Ours is one process either way: a second
one would have to import NLTK first, about a second, which is most of what it could save. Takes about 3 minutes.
"""

import argparse
import csv
import json
import os
import re
import string
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from nltk.sentiment.vader import SentimentIntensityAnalyzer, VaderConstants
from nltk.tokenize.destructive import NLTKWordTokenizer
from nrclex import NRCLex

from bench.emotions import EMOTIONS, POLARITIES, vader
from bench.emotions import tokenize as words
from bench.emotions.lexicons import vader as vader_lexicon
from bench.emotions.scores import BOUND, PATTERN, is_emotional, score_captions, score_polarity, vader_compound


def joined_captions(shared: Path) -> list[str]:
    """The 20 captions of each of the 9 000 videos, joined by ". " in the order of `sen_id`."""
    sentences = []
    for archive, name in (
        ("train_val_annotation.zip", "train_val_videodatainfo.json"),
        ("test_videodatainfo.json.zip", "test_videodatainfo.json"),
    ):
        with zipfile.ZipFile(shared / "msrvtt" / archive) as file:
            sentences += json.loads(file.read(name))["sentences"]
    captions = defaultdict(list)
    for sentence in sorted(sentences, key=lambda sentence: sentence["sen_id"]):
        captions[sentence["video_id"]].append(sentence["caption"])
    with (shared / "msrvtt" / "MSRVTT_train.9k.csv").open(newline="") as file:
        return [". ".join(captions[row["video_id"]]) for row in csv.DictReader(file)]


class PlainVader(SentimentIntensityAnalyzer):
    """NLTK's analyzer as it is, on the lexicon that ours uses."""

    def __init__(self) -> None:
        self.lexicon = vader_lexicon().words
        self.constants = VaderConstants()


def straightforward(texts: Sequence[str]) -> pd.DataFrame:
    analyzer, tokenizer = PlainVader(), NLTKWordTokenizer()
    frame = pd.DataFrame()
    for text in texts:
        compound = analyzer.polarity_scores(text)["compound"]
        emotional = abs(compound) > BOUND or re.search(PATTERN, text) is not None
        frame = pd.concat([frame, pd.DataFrame([{"compound": compound, "emotional": emotional}])], ignore_index=True)
    frame[[*EMOTIONS, *POLARITIES]] = 0

    def counts(text: str) -> dict[str, int]:
        labels = NRCLex()
        labels.load_token_list([token.strip(string.punctuation) for token in tokenizer.tokenize(text)])
        return labels.raw_emotion_scores

    for index, text in enumerate(texts):
        found = counts(text)
        for emotion in EMOTIONS:
            frame.loc[index, emotion] = found.get(emotion, 0)
        found = counts(text)
        for polarity in ("positive", "negative"):
            frame.loc[index, polarity] = found.get(polarity, 0)
        frame.loc[index, "neutral"] = int("positive" not in found and "negative" not in found)
    return frame


def ours(texts: Sequence[str]) -> pd.DataFrame:
    words.chunk_words.cache_clear()
    vader._cleaned.cache_clear()
    with tempfile.TemporaryDirectory() as empty:
        os.environ["BENCH_HOME"] = empty
        scores = np.column_stack([score_captions(texts), score_polarity(texts)])
        frame = pd.DataFrame({"compound": vader_compound(texts), "emotional": is_emotional(texts)})
    frame[[*EMOTIONS, *POLARITIES]] = scores
    return frame


def seconds(way: Callable[[Sequence[str]], pd.DataFrame], texts: Sequence[str]) -> tuple[float, pd.DataFrame]:
    start = time.perf_counter()
    frame = way(texts)
    return time.perf_counter() - start, frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("BENCH_SHARED", Path(__file__).parents[3] / "shared"))
    parser.add_argument("--shared", type=Path, default=default, help="the folder that holds msrvtt/")
    parser.add_argument("--repeats", type=int, default=3, help="runs per way and number of cores (default 3)")
    arguments = parser.parse_args()
    texts = joined_captions(arguments.shared)
    ours(texts[:100])  # the lexicons are read before the clock starts, for both ways

    everywhere = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    print(f"{len(texts)} joined texts, median of {arguments.repeats}, seconds")
    print("cores  straightforward    ours   ratio")
    for cores in (1, 2):
        if len(everywhere) >= cores:
            os.sched_setaffinity(0, sorted(everywhere)[:cores])
        slow, fast = [], []
        for _ in range(arguments.repeats):
            spent, expected = seconds(straightforward, texts)
            slow.append(spent)
            spent, found = seconds(ours, texts)
            fast.append(spent)
            pd.testing.assert_frame_equal(found, expected, check_dtype=False)
        print(f"{cores:5}  {median(slow):15.1f}  {median(fast):6.2f}  {median(slow) / median(fast):5.1f}x", flush=True)
    print(f"emotional: {int(found['emotional'].sum())}; every number of both ways equal")


if __name__ == "__main__":
    main()
