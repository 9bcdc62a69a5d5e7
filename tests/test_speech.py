"""The recipe speech and `pydl transcribe`, on made digits; that it learns real ones is seen by training it."""

import json
import shutil
import struct

import numpy as np
import pytest

import pydl
from pydl.audio import read_wav, write_wav
from pydl.cli import main
from pydl.data.synthetic_digits import make_digits
from pydl.plot import spectrogram
from pydl.recipes import speech
from pydl.recipes.clipped_adam import ClippedAdam
from pydl.recipes.hearing import RATE, hear
from pydl.recipes.speech_network import Listener
from pydl.recipes.template_matching import coefficients, nearest
from pydl.recipes.transcript import listen
from pydl.recipes.utterances import Plan, Utterances, fixed_utterances, pack

SMALL = ["--data", "synthetic", "--epochs", "2", "--utterances", "4"]
PLAN = Plan(2, 4, "", "0123456789", 4, True)


@pytest.fixture(scope="module", autouse=True)
def few_made_digits():
    """Made once, with twelve takes: 5 for the test, 5 for validation, 2 to learn from."""
    whole = make_digits(takes=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pydl.data.synthetic_digits.make_digits", lambda: whole)
        yield whole


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    assert main(["train", "speech", "--out", str(folder), *SMALL]) == 0
    return folder


def run(capsys, *arguments):
    code = main([str(each) for each in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_training_leaves_everything(trained):
    for name in ("model.safetensors", "checkpoint.safetensors", "learning-curve.png", "transcript.png"):
        assert (trained / name).stat().st_size > 5_000, name
    figures = json.loads((trained / "metrics.json").read_text())
    for name in ("test", "unknown_speaker", "baseline_template_test", "baseline_template_unknown_speaker"):
        assert figures[f"{name}_digit_error_rate"] >= 0
    assert figures["settings"] == {
        "data": "synthetic", "unknown": "yew", "epochs": 2, "utterances": 4, "seed": 0,
    }  # fmt: skip
    examples = sorted((trained / "examples").glob("*.wav"))
    assert len(examples) == 10
    assert sum(each.name.startswith("yew-") for each in examples) == 5
    assert read_wav(examples[0])[1] == RATE


def test_the_same_bytes_with_any_threads_and_after_an_interruption(trained, tmp_path, monkeypatch):
    assert main(["train", "speech", "--out", str(tmp_path / "3"), "--threads", "3", *SMALL]) == 0
    save = speech.Checkpoint.on_epoch_end

    def stop_at_the_second(self, trainer, logs):
        if trainer.epoch == 2:
            raise KeyboardInterrupt
        save(self, trainer, logs)

    with monkeypatch.context() as patch:
        patch.setattr(speech.Checkpoint, "on_epoch_end", stop_at_the_second)
        assert main(["train", "speech", "--out", str(tmp_path / "cut"), *SMALL]) == 130
    assert main(["train", "speech", "--out", str(tmp_path / "cut")]) == 2, "it is not overwritten"
    assert main(["train", "speech", "--out", str(tmp_path / "cut"), "--resume"]) == 0
    for other in ("3", "cut"):
        for name in ("model.safetensors", "checkpoint.safetensors"):
            assert (tmp_path / other / name).read_bytes() == (trained / name).read_bytes(), f"{name} in {other}"


def test_transcribe(trained, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    examples = sorted((trained / "examples").glob("*.wav"))[:2]
    model = trained / "model.safetensors"
    code, out, _ = run(capsys, "transcribe", model, *examples, "--beam", 3, "--pictures", tmp_path / "pictures")
    assert code == 0
    assert [line.split(": ")[0] for line in out.splitlines()] == [str(each) for each in examples]
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2
    (tmp_path / "other").mkdir()
    shutil.copy(examples[0], tmp_path / "other")  # a picture of each, though their names are the same
    same = examples[0], tmp_path / "other" / examples[0].name
    assert run(capsys, "transcribe", model, *same, "--pictures", tmp_path / "two")[0] == 0
    assert len(list((tmp_path / "two").glob("*.png"))) == 2
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "folder").mkdir()
    for command in ("predict", "transcribe"):
        wrong = tmp_path / "text.wav", tmp_path / "none.wav", tmp_path / "folder"
        code, out, _ = run(capsys, command, model, *wrong, examples[0])
        assert code == 1
        assert f"{tmp_path / 'text.wav'}: is no WAV file" in out
        assert f"{tmp_path / 'none.wav'}: there is no such file" in out
        assert f"{tmp_path / 'folder'}: Is a directory" in out
        assert len(out.splitlines()) == 4


def test_pictures_of_long_sounds_go_on_in_further_lines(tmp_path):
    pytest.importorskip("matplotlib")
    sizes = []
    for seconds in (4, 31):
        marks = [(t, t + 0.1, str(t % 10)) for t in range(seconds)]
        spectrogram(np.zeros((100 * seconds, 4)), 0.01, marks, tmp_path / "sound.png", "0123456789" * 30)
        sizes.append(struct.unpack(">II", (tmp_path / "sound.png").read_bytes()[16:24]))
    (short, height), (wide, high) = sizes
    assert short < wide == 30 * 120
    assert high == 3 * height


def test_sounds_of_any_kind(trained, tmp_path, capsys):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 4000))
    for name, samples, rate, encoding in [
        ("stereo.wav", sound, 44100, "pcm24"),
        ("short.wav", sound[:, :10], 8000, "pcm8"),
        ("empty.wav", sound[:, :0], 8000, "pcm16"),
        ("silence.wav", np.zeros(5000), 16000, "float32"),
    ]:
        write_wav(tmp_path / name, samples, rate, encoding)
        assert run(capsys, "transcribe", trained / "model.safetensors", tmp_path / name)[0] == 0
    write_wav(tmp_path / "long.wav", np.zeros(601), 1)
    write_wav(tmp_path / "odd.wav", np.zeros(10), 2**31 - 1)
    for name, message in (("long.wav", "is longer than 600 s"), ("odd.wav", "no common divisor")):
        code, out, _ = run(capsys, "transcribe", trained / "model.safetensors", tmp_path / name)
        assert (code, len(out.splitlines())) == (1, 1)
        assert message in out


def test_a_file_that_only_looks_right(trained, tmp_path, capsys):
    right = pydl.load(trained / "model.safetensors"), pydl.load_metadata(trained / "model.safetensors")
    other = pydl.nn.Linear(3, 2).state_dict()
    for state, facts in [
        (other, right[1]),
        (right[0], {"recipe": "photo-tagging"}),
        (right[0], {**right[1], "alphabet": "ab"}),
        (right[0], {**right[1], "stride": 3}),
        (right[0], {"recipe": "speech"}),
    ]:
        pydl.save(state, tmp_path / "model.safetensors", metadata=facts)
        code, _, err = run(capsys, "transcribe", tmp_path / "model.safetensors", "a.wav")
        assert code == 2
        assert err.startswith(f"pydl: {tmp_path / 'model.safetensors'}: is not whole as a network of speech")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--utterances", "0"], "--utterances: must be at least 1"),
        (["--unknown", "nobody"], "--unknown: there is no speaker 'nobody'; the speakers are ash, birch"),
        (["--epochs", "0"], "--epochs: must be at least 1"),
    ],
)
def test_wrong_options(options, message, tmp_path, capsys):
    code, _, err = run(capsys, "train", "speech", "--data", "synthetic", "--out", tmp_path, *options)
    assert code == 2
    assert message in err


def test_what_is_heard_does_not_depend_on_the_batch():
    pydl.manual_seed(0)
    model = Listener(10, 4).eval()
    generator = np.random.default_rng(0)
    heard = [hear(generator.uniform(-1, 1, size).astype(np.float32)) for size in (900, 4000, 2500)]
    features, frames, targets = pack(heard, ["1", "23", "456"], PLAN)
    together = model(features, frames).data
    for n, each in enumerate(heard):
        alone = listen(model, each)
        assert len(alone) == targets[n, 0]
        np.testing.assert_allclose(together[n, : len(alone)], alone, atol=1e-4)


def test_features_do_not_depend_on_loudness():
    sound = make_digits(takes=1).samples[0]
    heard = hear(sound)
    np.testing.assert_allclose(heard.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(hear(sound * 3), heard, atol=0.2)


def test_utterances(few_made_digits):
    sounds, texts = fixed_utterances(few_made_digits, PLAN, 40, seed=5)
    again = fixed_utterances(few_made_digits, PLAN, 40, seed=5)
    assert texts == again[1]
    assert all(np.array_equal(*pair) for pair in zip(sounds, again[0], strict=True))
    assert {len(text) for text in texts} == {2, 3, 4}
    utterances = Utterances(few_made_digits, PLAN, count=10, batch_size=4)
    batches = list(utterances)
    assert [len(batch.frames) for batch in batches].count(4) == 2 == len(batches) - 1
    for batch in batches:
        assert batch.features.shape[1] == batch.frames.max()
        assert (batch.targets[:, 0] == -(-batch.frames // 4)).all()
        assert (batch.targets[:, 1] >= 2).all()
        for row in batch.targets:
            assert (row[2 : 2 + row[1]] > 0).all()
            assert (row[2 + row[1] :] == 0).all()
    utterances.longest = 1
    assert all((batch.targets[:, 1] == 1).all() for batch in utterances)


def test_template_matching(few_made_digits):
    assert nearest(np.ones((3, 2)), [np.zeros((4, 2)), np.ones((9, 2)), np.full((2, 2), 2.0)]) == 1
    # Stretched by another factor at every place, it is still the same.
    wave = np.sin(np.linspace(0, 6, 30))[:, None]
    stretched = np.sin(np.linspace(0, 1, 50) ** 2 * 6)[:, None]
    assert nearest(stretched, [-wave, wave, np.zeros((30, 1))]) == 1
    templates = few_made_digits.select(few_made_digits.takes == 0)
    test = few_made_digits.select((few_made_digits.takes == 1) & (few_made_digits.speakers == "elm"))
    assert speech.template_error_rate(templates, test, 4) <= 0.2
    assert coefficients(test.samples[0], 4).shape[1] == 12


def test_one_batch_is_learned(few_made_digits):
    """The whole of it in small: after 120 steps on eight short utterances the network says what is in them."""
    pydl.manual_seed(0)
    sounds, texts = fixed_utterances(few_made_digits, PLAN._replace(fewest=1, most=2), 8, seed=0)
    batch = pack([hear(sound) for sound in sounds], texts, PLAN)
    model = Listener(10, 4, hidden=32, dropout=0.0)
    optimizer = ClippedAdam(model.parameters(), 0.01, speech.LARGEST_GRADIENT)
    for _ in range(120):
        log_probs = model(batch.features, batch.frames)
        loss = speech.loss(log_probs, batch.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert speech.error_rate(log_probs.detach().numpy(), batch.targets) < 0.2
