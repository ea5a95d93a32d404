"""Floor 8, evaluation: how well a model predicts and writes completions of held-out records, and what of it is true.

Prediction (loss, perplexity, bits per byte, token accuracy) is measured with the teacher's tokens as context; writing
(BLEU, ROUGE-L, exact match, the truth of explanations) on the model's own greedy answers. A model is needed for
`measure_records` alone: every figure follows from what that gives (`language_figures`), which can be kept in a file.
"""

from serpentune.evaluation.language._explained import (
    PLAIN,
    ExplainedMove,
    ask_plainly,
    explained_figures,
    load_explained,
)
from serpentune.evaluation.language._figures import exact_matches, language_figures, rouge_scores
from serpentune.evaluation.language._measure import Sample, language_metrics, measure_records, tokenize_records
from serpentune.evaluation.language._records import MeasuredRecord, load_records, save_lines

__all__ = [
    "PLAIN",
    "ExplainedMove",
    "MeasuredRecord",
    "Sample",
    "ask_plainly",
    "exact_matches",
    "explained_figures",
    "language_figures",
    "language_metrics",
    "load_explained",
    "load_records",
    "measure_records",
    "rouge_scores",
    "save_lines",
    "tokenize_records",
]
