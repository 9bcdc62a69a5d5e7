"""Road scenes made by a simulator: what a camera and a radar see of other cars, and where these are. Nothing is real.

The road is straight and flat and has three lanes; the camera looks ahead from 1.4 m above the middle one. x is metres
to the right, z metres ahead; a car is 1.8 m wide and 1.5 m high. A pinhole camera of focal length f shows the point
(x, y, z) in the column u = W / 2 + f x / z and the row v = horizon + f (1.4 - y) / z.

The camera suffers from fog, night, noise and cars that hide others; far cars are a pixel or two. The radar measures
distance and relative speed well but direction badly; it misses cars, and returns rails, signs and ghosts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HEIGHT, WIDTH, FOCAL, HORIZON = 48, 96, 80.0, 18.0
CAMERA_HEIGHT, CAR_WIDTH, CAR_HEIGHT = 1.4, 1.8, 1.5
LANES, LANE_WIDTH = (-3.5, 0.0, 3.5), 3.5
NEAREST, FARTHEST = 8.0, 76.0
MOST_RETURNS = 40
AZIMUTH_NOISE, RANGE_NOISE, SPEED_NOISE = 0.03, 0.4, 0.2  # radians, metres, metres a second


@dataclass
class RoadScenes:
    """N scenes: images (N, 1, 48, 96), float32 in [0, 1]; radar (N, 40, 3), distance, direction in radians (right is
    positive) and relative speed of each return, NaN where there is none; cars, for each scene (K, 3): x, z and relative
    speed (positive: it gets away)."""

    images: np.ndarray
    radar: np.ndarray
    cars: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.images)


def make_scenes(count: int, seed: int) -> RoadScenes:
    """Scenes that have nothing to do with each other."""
    random = np.random.default_rng(seed)
    cars = [place_cars(random) for _ in range(count)]
    return observe(cars, random, [weather(random) for _ in range(count)], random.uniform(20, 35, count))


def make_drive(frames: int, seed: int, seconds: float = 0.2) -> RoadScenes:
    """One scene as it goes on: the cars keep their speeds, the weather stays."""
    random = np.random.default_rng(seed)
    start = place_cars(random, most=4)
    cars = []
    for frame in range(frames):
        moved = start.copy()
        moved[:, 1] += moved[:, 2] * seconds * frame
        cars.append(moved[(moved[:, 1] > NEAREST) & (moved[:, 1] < FARTHEST)])
    return observe(cars, random, [weather(random)] * frames, np.full(frames, 28.0))


def place_cars(random: np.random.Generator, most: int = 5) -> np.ndarray:
    """Up to `most` cars (K, 3) in the three lanes, those of a lane at least 9 m apart."""
    placed: list[tuple[float, float, float]] = []
    for _ in range(random.integers(0, most + 1)):
        lane = random.integers(0, len(LANES))
        # Uniform in the logarithm: near cars matter as much as far ones.
        z = float(np.exp(random.uniform(np.log(NEAREST), np.log(FARTHEST))))
        if all(other[0] != LANES[lane] or abs(other[1] - z) > 9 for other in placed):
            placed.append((LANES[lane], z, float(random.normal(0, 5))))
    cars = np.array(placed).reshape(-1, 3)
    cars[:, 0] += random.normal(0, 0.35, len(cars))
    return cars


def weather(random: np.random.Generator) -> tuple[float, float]:
    """(distance in metres at which fog leaves a third of the contrast, brightness from 0 to 1)."""
    fog = float(random.choice([1000.0, 60.0, 25.0], p=[0.6, 0.25, 0.15]))
    return fog, float(random.choice([1.0, 0.25], p=[0.75, 0.25])) * float(random.uniform(0.8, 1.0))


def observe(
    cars: list[np.ndarray], random: np.random.Generator, skies: list[tuple[float, float]], own_speed: np.ndarray
) -> RoadScenes:
    """What the sensors say of the cars."""
    images = np.stack([render(each, sky, random) for each, sky in zip(cars, skies, strict=True)])[:, None]
    radar = np.stack([returns(each, speed, random) for each, speed in zip(cars, own_speed, strict=True)])
    return RoadScenes(images.astype(np.float32), radar.astype(np.float32), cars)


def render(cars: np.ndarray, sky: tuple[float, float], random: np.random.Generator) -> np.ndarray:
    """The camera's image, (48, 96)."""
    fog, brightness = sky
    image = np.empty((HEIGHT, WIDTH))
    horizon = int(HORIZON)
    image[:horizon] = np.linspace(0.85, 0.7, horizon)[:, None]
    hills = horizon - 2 - (2 * np.sin(np.arange(WIDTH) / random.uniform(6, 20) + random.uniform(0, 6))).astype(int)
    for column, top in enumerate(hills):
        image[max(0, min(horizon, top)) : horizon, column] = 0.5
    rows = np.arange(horizon, HEIGHT) + 0.5
    depth = FOCAL * CAMERA_HEIGHT / (rows - HORIZON)  # of the road in each row
    side = (np.arange(WIDTH) + 0.5 - WIDTH / 2) * depth[:, None] / FOCAL  # x of each pixel of the road
    road = np.where(np.abs(side) < 1.5 * LANE_WIDTH + 0.5, 0.35, 0.45)
    marks = (np.abs(np.abs(side) - LANE_WIDTH / 2) < 0.12) & ((depth[:, None] + random.uniform(0, 6)) % 6 < 3)
    image[horizon:] = np.where(marks, 0.9, road) + random.normal(0, 0.02, road.shape)
    veil = np.exp(-depth / fog)[:, None]
    image[horizon:] = image[horizon:] * veil + 0.7 * (1 - veil)
    for x, z, _ in cars[np.argsort(-cars[:, 1])]:  # the far ones first, so that near ones hide them
        draw_car(image, x, z, float(random.choice([0.1, 0.25, 0.65, 0.95])), np.exp(-z / fog))
    return np.clip(image * brightness + random.normal(0, 0.03, image.shape), 0, 1)


def draw_car(image: np.ndarray, x: float, z: float, paint: float, veil: float) -> None:
    """A car from behind: shadow, body, window, lights; edges mixed with what is behind by the share that they cover."""

    def box(left: float, right: float, low: float, high: float, shade: float) -> None:
        first, last = (WIDTH / 2 + FOCAL * (x + each) / z for each in (left, right))
        top, bottom = (HORIZON + FOCAL * (CAMERA_HEIGHT - each) / z for each in (high, low))
        u, v = np.clip(np.arange(WIDTH + 1), first, last), np.clip(np.arange(HEIGHT + 1), top, bottom)
        share = np.diff(v)[:, None] * np.diff(u)
        image[...] = image * (1 - share) + share * (shade * veil + 0.7 * (1 - veil))

    half = CAR_WIDTH / 2
    box(-half, half, 0.0, 0.3, 0.05)
    box(-half, half, 0.25, 0.95, paint)
    box(-0.75 * half, 0.75 * half, 0.9, CAR_HEIGHT, 0.6 * paint)
    box(-0.65 * half, 0.65 * half, 0.95, 1.35, 0.15)
    for left in (-half, half - 0.35):
        box(left, left + 0.35, 0.6, 0.8, 0.8)


def returns(cars: np.ndarray, own_speed: float, random: np.random.Generator) -> np.ndarray:
    """The radar's returns, (40, 3), in no order."""
    found = []
    for x, z, speed in cars:
        if random.random() < 0.15:
            continue  # nothing comes back
        for _ in range(1 + random.poisson(2)):
            found.append(measure(x + random.uniform(-0.8, 0.8), z + random.uniform(0, 1), speed, random))
    for _ in range(random.poisson(7)):  # rails and signs, which stand still
        x = random.choice([-1, 1]) * random.uniform(5, 9)
        found.append(measure(x, random.uniform(NEAREST, FARTHEST), -own_speed, random))
    for _ in range(random.poisson(1.5)):  # ghosts
        found.append(measure(random.uniform(-6, 6), random.uniform(NEAREST, FARTHEST), random.normal(0, 6), random))
    radar = np.full((MOST_RETURNS, 3), np.nan)
    order = random.permutation(len(found))[:MOST_RETURNS]
    if len(order):
        radar[: len(order)] = np.array(found)[order]
    return radar


def measure(x: float, z: float, speed: float, random: np.random.Generator) -> tuple[float, float, float]:
    """(distance, direction, relative speed) of a reflecting point, with the radar's noise."""
    return (
        float(np.hypot(x, z) + random.normal(0, RANGE_NOISE)),
        float(np.arctan2(x, z) + random.normal(0, AZIMUTH_NOISE)),
        float(speed + random.normal(0, SPEED_NOISE)),
    )
