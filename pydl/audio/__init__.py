"""Sound as arrays: WAV files, other sample rates, spectrograms, and the features that recognise speech.

Samples are float32 or float64 from -1 to 1, time last, any number of dimensions before it. Where torch or torchaudio
has the same function, the names, the argument order and the results are theirs. Everything here is plain numpy.
"""

from .delta import compute_deltas as compute_deltas
from .log_mel import log_mel_spectrogram as log_mel_spectrogram
from .mel import hz_to_mel as hz_to_mel
from .mel import mel_to_hz as mel_to_hz
from .mel import melscale_fbanks as melscale_fbanks
from .mfcc import create_dct as create_dct
from .mfcc import mfcc as mfcc
from .resample import resample as resample
from .spec_augment import SpecAugment as SpecAugment
from .stft import stft as stft
from .vocal_tract import vocal_tract_fbanks as vocal_tract_fbanks
from .wav import read_wav as read_wav
from .wav import write_wav as write_wav
from .window import hamming_window as hamming_window
from .window import hann_window as hann_window
