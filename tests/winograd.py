"""What the tests of Winograd's algorithm share: how far off it may be, and convolutions that reach every place."""

# The gate: error relative to the outputs as a whole, and the largest relative to the largest output.
GATE = {2: (1e-6, 2e-6), 4: (3e-6, 1e-5)}

# The same of maps that are so small that tiles of the image are fewer than those of the result.
FULL = (4, 4, 4, 4)
SMALL_PLACES = [
    ((7, 5, 8, 8), 13, FULL),
    ((33, 18, 10, 11), 19, FULL),
    ((5, 20, 4, 7), 9, FULL),
    ((3, 9, 9, 5), 4, (4, 2, 4, 3)),
]

# Sizes of filters and tiles.
WAYS = [(3, 2), (3, 4), (5, 4)]

# Maps whose tiles are cut off at the edge, tasks that end inside a row, panels that span several images:
# (shape of x, filters, padding).
PLACES = [
    ((7, 5, 13, 9), 33, (1, 1, 1, 1)),
    ((33, 18, 7, 7), 19, (1, 1, 1, 1)),
    ((1, 20, 57, 70), 9, (2, 2, 2, 2)),
    ((2, 300, 8, 5), 20, (0, 1, 2, 0)),
    ((3, 9, 3, 30), 140, (0, 0, 5, 6)),
    ((1, 130, 6, 6), 270, (1, 1, 1, 1)),
]
