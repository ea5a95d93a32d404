"""Floor 5, models: greedy answers to many prompts: all at once, or in slots that are filled again as answers end."""

from serpentune.models.decoding._decoder import Decoder, DecoderKind, open_decoder
from serpentune.models.decoding._plain import PlainDecoder, decode, greedy, stop_ids
from serpentune.models.decoding._scores import keeps_logits, next_scores
from serpentune.models.decoding._slots import SlotDecoder, Unsuited

__all__ = [
    "Decoder",
    "DecoderKind",
    "PlainDecoder",
    "SlotDecoder",
    "Unsuited",
    "decode",
    "greedy",
    "keeps_logits",
    "next_scores",
    "open_decoder",
    "stop_ids",
]
