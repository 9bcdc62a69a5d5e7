# cython: language_level=3, boundscheck=False, wraparound=False, auto_pickle=False
"""The part of pydl that Cython compiles: twelve files, each of one concept, and one module of them, since every module
has the same 15 kB of code that a Cython module needs."""

cimport numpy as cnp

cnp.import_array()

include "tape.pyx"
include "kernel_call.pyx"
include "operation.pyx"
include "gradient_sums.pyx"
include "summand.pyx"
include "backward.pyx"
include "usual_arguments.pyx"
include "usual_products.pyx"
include "usual_views.pyx"
include "remembered.pyx"
include "parameters.pyx"
include "replayed.pyx"
