"""Decoding: from what a network says about every frame or next label to texts, and how far those are from the truth."""

from .beam_search import beam_search as beam_search
from .beam_search import take_rows as take_rows
from .ctc_align import Alignment as Alignment
from .ctc_align import ctc_align as ctc_align
from .ctc_beam_search import ctc_beam_search as ctc_beam_search
from .ctc_greedy import ctc_greedy as ctc_greedy
from .edit_distance import character_error_rate as character_error_rate
from .edit_distance import edit_distance as edit_distance
from .edit_distance import word_error_rate as word_error_rate
from .hypothesis import Hypothesis as Hypothesis
