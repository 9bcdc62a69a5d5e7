"""Learn by writing: `pydl learn NAME` writes an exercise, `pydl learn check FILE` says what is wrong with the solution.

    write_exercise("conv_forward", "conv_forward.py")    a file with the formula and an empty function
    check_file("conv_forward.py")                        compares what one wrote with pydl's pure-Python reference

Each file of exercises (standard, convolutional, recurrent, training) holds the functions to write, the arguments to try
them on, and the usual mistakes.
"""

from . import standard, convolutional, recurrent, training  # noqa: F401, I001  in the order one learns them
from .check import Verdict, check_file, check_solution
from .exercise import EXERCISES, Exercise
from .write import write_exercise

__all__ = ["EXERCISES", "Exercise", "Verdict", "check_file", "check_solution", "write_exercise"]
