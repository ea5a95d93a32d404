"""Floor 2, teachers, the room of truth: what explanations can claim, and what the board says of each claim.

`board` knows a state; `search`, `cycle` and `cell` find the teachers' answers once more, and `rules` says which of them
is whose. `sentences` writes claims and reads them back; the modules `claims`, `claims_search` and `claims_cycle` are
the table. All in plain Python: nothing in here imports a kernel or a teacher, or what the kernels got wrong would pass.
"""

from serpentune.teachers._truth import claims, claims_cycle, claims_search
from serpentune.teachers._truth.board import Answer, Board
from serpentune.teachers._truth.rules import RULES
from serpentune.teachers._truth.sentences import CLAIMS, Claim, Sentence, Value, read, split

__all__ = [
    "CLAIMS",
    "RULES",
    "Answer",
    "Board",
    "Claim",
    "Sentence",
    "Value",
    "claims",
    "claims_cycle",
    "claims_search",
    "read",
    "split",
]
