"""The `pydl` command."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 a check failed, 2 a wrong call, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # Where Chinese cannot be printed its characters' numbers can, as on standard error: no result is lost by that.
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        print("\npydl: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 141
    except OSError as error:
        # Without the number; a message of our own has no further parts.
        print(f"pydl: {f'{error.filename}: {error.strerror}' if error.filename else error}", file=sys.stderr)
        return 2
    except (ValueError, TypeError, RuntimeError, ImportError, FloatingPointError, MemoryError) as error:
        print(f"pydl: {error or 'there is not enough memory'}", file=sys.stderr)
        return 2


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    import pydl

    parser = argparse.ArgumentParser(prog="pydl", description="Deep learning on CPUs that a person can read.")
    parser.add_argument("--version", action="version", version=f"pydl {pydl.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="version, instruction set, threads, caches, compiler, optional packages")
    info.set_defaults(run=run_info)

    train = commands.add_parser(
        "train",
        help="train one of the applications",
        description=describe_recipes(),
        usage="pydl train RECIPE [options]",
    )
    train.add_argument("recipe", help="which application", metavar="RECIPE")
    options = train.add_argument(
        "options", nargs=argparse.REMAINDER, help="options of the recipe: pydl train RECIPE --help"
    )
    options.required = False  # whatever argparse thinks of a remainder
    train.set_defaults(run=run_train)

    predict = commands.add_parser("predict", help="apply a trained network to files")
    predict.add_argument("checkpoint", help="model.safetensors of a training")
    predict.add_argument("files", nargs="+", metavar="FILE", help="what to apply it to: images, sounds ...")
    predict.set_defaults(run=run_predict)

    transcribe = commands.add_parser("transcribe", help="print what is said in WAV files")
    transcribe.add_argument("checkpoint", help="model.safetensors of a training of speech")
    transcribe.add_argument("files", nargs="+", metavar="FILE", help="WAV files")
    transcribe.add_argument("--beam", type=int, default=1, help="how many texts beam search keeps (default: 1, greedy)")
    transcribe.add_argument("--pictures", metavar="FOLDER", help="draw each spectrogram with its symbols into FOLDER")
    transcribe.set_defaults(run=run_transcribe)

    translate = commands.add_parser("translate", help="translate texts from English to Chinese")
    translate.add_argument("checkpoint", help="model.safetensors of a training of translation")
    translate.add_argument("texts", nargs="+", metavar="TEXT", help="what to translate")
    translate.add_argument(
        "--beam", type=int, default=5, help="how many texts beam search keeps (default: 5; 1: greedy)"
    )
    translate.add_argument("--picture", metavar="FILE", help="draw what each character of the first text came from")
    translate.set_defaults(run=run_translate)

    lab = commands.add_parser(
        "lab",
        help="run an experiment that shows how and why learning works",
        description=describe_experiments(),
        usage="pydl lab NAME [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    lab.add_argument("experiment", help="which experiment", metavar="NAME")
    options = lab.add_argument(
        "options", nargs=argparse.REMAINDER, help="options of the experiment: pydl lab NAME --help"
    )
    options.required = False
    lab.set_defaults(run=run_lab)

    learn = commands.add_parser(
        "learn",
        help="learn by writing: exercises, and what is wrong with a solution",
        description=describe_exercises(),
        usage="pydl learn NAME [--out FILE] [--overwrite]\n       pydl learn check FILE",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    learn.add_argument("exercise", help="which exercise to write into a file; or: check", metavar="NAME")
    learn.add_argument("file", nargs="?", help="after check: the file to check")
    learn.add_argument("--out", metavar="FILE", help="where to write the exercise (default: NAME.py)")
    learn.add_argument("--overwrite", action="store_true", help="begin anew, if the file exists")
    learn.set_defaults(run=run_learn)

    check = commands.add_parser("check", help="compare every native kernel with its pure-Python reference")
    check.add_argument("--cases", type=int, default=20, help="sets of arguments for each kernel and dtype")
    check.add_argument("--seed", type=int, default=0, help="which random arguments")
    check.add_argument("--only", metavar="TEXT", default="", help="kernels whose name contains TEXT")
    check.set_defaults(run=run_check)

    bench = commands.add_parser("bench", help="compare the speed with other libraries")
    bench.add_argument("--against", default="torch", help="torch,numpy,jax,onnxruntime,openvino (default: torch)")
    bench.add_argument("--threads", default="", help="thread counts, 1,2 say (default: all processors)")
    bench.add_argument("--only", metavar="TEXT", help="workloads whose name contains TEXT")
    bench.add_argument("--blocks", type=int, help="measurements of each library and workload")
    bench.add_argument("--minutes", type=float, default=12, help="for the whole, if --blocks does not fix it (12)")
    bench.add_argument("--compile-seconds", type=float, default=150, help="for torch.compile, a thread count (150)")
    bench.add_argument("--everything", action="store_true", help="further sizes, too")
    bench.add_argument("--out", help="folder for bench.md and bench.json")
    bench.set_defaults(run=run_bench)
    return parser


def describe_recipes() -> str:
    """One line a recipe."""
    from .recipes import RECIPES

    return "Recipes: " + "; ".join(f"{name} ({what})" for name, what in RECIPES.items())


def describe_experiments() -> str:
    """One line an experiment."""
    from .lab.experiments import EXPERIMENTS

    width = max(map(len, EXPERIMENTS))
    return "\n".join(["Experiments:", *(f"  {name:<{width}}  {what}" for name, what in EXPERIMENTS.items())])


def describe_exercises() -> str:
    """One line an exercise."""
    from .learn import EXERCISES

    width = max(map(len, EXERCISES))
    lines = (f"  {name:<{width}}  {each.title}" for name, each in EXERCISES.items())
    return "\n".join(["Exercises:", *lines])


def run_info(arguments: argparse.Namespace) -> int:
    import pydl

    load_kernels()
    pydl.show_config()
    return 0


def run_train(arguments: argparse.Namespace) -> int:
    import pydl

    from .recipes import find_recipe

    name = arguments.recipe
    recipe = find_recipe(name)
    parser = argparse.ArgumentParser(prog=f"pydl train {name}", description=(recipe.__doc__ or "").split("\n")[0])
    parser.add_argument("--out", default=f"runs/{name}", help=f"folder for the results (default: runs/{name})")
    parser.add_argument("--seed", type=int, help="where the random numbers start (default: 0)")
    parser.add_argument("--threads", type=int, help="how many processors to use; the results do not depend on it")
    parser.add_argument("--backend", choices=("native", "reference"), help="fast kernels or pure Python")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted training from --out")
    parser.add_argument("--overwrite", action="store_true", help="discard an unfinished training in --out")
    recipe.add_arguments(parser)
    options = parser.parse_args(arguments.options)
    try:
        with processors(options.threads), pydl.use_backend(options.backend or pydl.get_backend()):
            recipe.train(options)
    except KeyboardInterrupt:
        saved = (Path(options.out) / "checkpoint.safetensors").exists()
        hint = f"Continue with: pydl train {name} --out {options.out} --resume" if saved else "Nothing was saved yet."
        print(f"\nInterrupted. {hint}", file=sys.stderr)
        return 130
    return 0


@contextmanager
def processors(count: int | None) -> Iterator[None]:
    """Uses so many processors, or as many as before for None."""
    from .config import get_num_threads, set_num_threads

    before = get_num_threads()
    try:
        set_num_threads(before if count is None else count)
        yield
    finally:
        set_num_threads(before)


def run_predict(arguments: argparse.Namespace) -> int:
    import pydl

    from .recipes import find_recipe

    facts: dict[str, Any] = pydl.load_metadata(arguments.checkpoint)
    if not isinstance(facts.get("recipe"), str):
        raise ValueError(
            f"{arguments.checkpoint}: does not say which recipe made it; give the model.safetensors of a training"
        )
    return 1 if find_recipe(facts["recipe"]).predict(arguments.checkpoint, arguments.files) else 0


def run_transcribe(arguments: argparse.Namespace) -> int:
    from .arguments import check_integer
    from .recipes.transcript import transcribe

    beam = check_integer("--beam", "the beam", arguments.beam, 1)
    return 1 if transcribe(arguments.checkpoint, arguments.files, beam, arguments.pictures) else 0


def run_translate(arguments: argparse.Namespace) -> int:
    from .arguments import check_integer
    from .recipes.interpreter import load_interpreter

    beam = check_integer("--beam", "the beam", arguments.beam, 1)
    interpreter = load_interpreter(arguments.checkpoint)
    for line in interpreter.translate(arguments.texts, beam):
        print(line)
    if arguments.picture is not None:
        interpreter.draw(arguments.texts[0], arguments.picture, beam)
    return 0


def run_lab(arguments: argparse.Namespace) -> int:
    from .arguments import check_integer
    from .lab.experiments import find_experiment
    from .lab.figures import require_matplotlib

    name = arguments.experiment
    experiment = find_experiment(name)
    parser = argparse.ArgumentParser(prog=f"pydl lab {name}", description=(experiment.__doc__ or "").split("\n")[0])
    parser.add_argument("--out", default=f"runs/lab/{name}", help=f"folder for the results (default: runs/lab/{name})")
    parser.add_argument("--seed", type=int, default=0, help="where the random numbers start (default: 0)")
    parser.add_argument("--threads", type=int, help="how many processors to use; the results do not depend on it")
    experiment.add_arguments(parser)
    draws = getattr(experiment, "draws", True)
    if draws:
        parser.add_argument("--html", action="store_true", help=f"leave a page with all of it, too: {name}.html")
    options = parser.parse_args(arguments.options)
    check_integer("--seed", "the seed", options.seed, 0)
    if draws:
        require_matplotlib()  # nobody waits for a run that cannot be drawn
    with processors(options.threads):
        experiment.run(options)
    if draws and options.html:
        from .lab.page import write_page

        folder = Path(options.out)
        several = {part: (module, folder / part) for part, module in getattr(experiment, "PARTS", {}).items()}
        write_page(folder / f"{name}.html", name, several or {name: (experiment, folder)})
        print(f"Open it in a browser: {folder / f'{name}.html'}")
    return 0


def run_learn(arguments: argparse.Namespace) -> int:
    from .learn import check_file, write_exercise

    if arguments.exercise != "check":
        if arguments.file is not None:
            raise ValueError(f"{arguments.file}: a file is checked by: pydl learn check {arguments.file}")
        path = write_exercise(arguments.exercise, arguments.out or f"{arguments.exercise}.py", arguments.overwrite)
        print(f"{path}: written. Fill it in, then: pydl learn check {path}")
        return 0
    if arguments.file is None:
        raise ValueError("pydl learn check needs the file to check")
    verdicts = check_file(arguments.file)
    for verdict in verdicts:
        print(f"{verdict.name}: " + "\n  ".join(verdict.lines))
    return 0 if all(verdict.right for verdict in verdicts) else 1


def run_check(arguments: argparse.Namespace) -> int:
    from .arguments import check_integer
    from .check import check_all
    from .op import KERNELS, isa

    load_kernels()
    check_integer("--cases", "the number of cases", arguments.cases, 1)
    check_integer("--seed", "the seed", arguments.seed, 0)
    names = [name for name in KERNELS if arguments.only in name]
    if not names:
        raise ValueError(f"--only: no kernel's name contains {arguments.only!r}")
    width = max(map(len, names))
    print(f"native kernels ({isa}) against the pure-Python reference, {arguments.cases} random cases each\n")
    print(f"{'kernel':<{width}}  {'dtype':<8} {'cases':>5}  {'error':>8}  {'allowed':>8}")
    wrong = 0
    for row in check_all(arguments.cases, arguments.seed, names):
        verdict = "equal" if row.equal else row.note or "DIFFERENT"
        print(
            f"{row.kernel:<{width}}  {row.dtype:<8} {row.cases:>5}  {row.error:>8.1e}  {row.allowed:>8.1e}  {verdict}",
            flush=True,
        )
        wrong += not row.equal
    print(f"\n{len(names)} kernels, " + ("all equal within the tolerance" if not wrong else f"{wrong} rows differ"))
    return 1 if wrong else 0


def load_kernels() -> None:
    """Imports all that defines kernels, so that the table is complete."""
    from . import ops, optim  # noqa: F401
    from .bench import machine  # noqa: F401
    from .recording import channels_last, element_chain  # noqa: F401


def run_bench(arguments: argparse.Namespace) -> int:
    from . import bench, get_num_threads

    try:
        threads = [int(each) for each in arguments.threads.split(",")] if arguments.threads else [get_num_threads()]
    except ValueError:
        raise ValueError(f"--threads: must be numbers like 1,2, not {arguments.threads!r}") from None
    against = arguments.against.split(",")
    return bench.main(
        against,
        threads,
        arguments.only,
        arguments.blocks,
        arguments.out,
        arguments.everything,
        arguments.minutes,
        arguments.compile_seconds,
    )


if __name__ == "__main__":
    sys.exit(main())
