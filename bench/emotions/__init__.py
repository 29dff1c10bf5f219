"""The eight emotions, in one order everywhere, and what else is known of them before any text is read.

Source: Plutchik, Emotion: A Psychoevolutionary Synthesis, 1980.
"""

EMOTIONS = ("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger", "anticipation")
POLARITIES = ("positive", "negative", "neutral")

# The order in the report's training code, checkpoints and golden files: x[..., FROM_REPORT] is ordered as EMOTIONS.
REPORT_ORDER = ("joy", "trust", "surprise", "anticipation", "fear", "sadness", "disgust", "anger")
FROM_REPORT = tuple(REPORT_ORDER.index(emotion) for emotion in EMOTIONS)

OPPOSITES = {"joy": "sadness", "trust": "disgust", "fear": "anger", "surprise": "anticipation"}
BOTH_WAYS = OPPOSITES | {other: one for one, other in OPPOSITES.items()}
OPPOSITE = tuple(EMOTIONS.index(BOTH_WAYS[emotion]) for emotion in EMOTIONS)
