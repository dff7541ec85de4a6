"""The development of radiance to pictures."""

import numpy as np
import pytest

from train.rooms.develop import develop, encode, filmic


def picture(seed=0, scale=1.0, tint=(1.0, 1.0, 1.0)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.gamma(2.0, 0.3, (48, 64, 1)) * np.array(tint) * scale).astype(np.float32)


def made(radiance, seed=3, sensor="kv1"):
    return develop(radiance, np.random.default_rng(seed), sensor)


@pytest.mark.parametrize("sensor", ["kv1", "kv2", "realsense", "xtion"])
def test_exposure_does_not_depend_on_the_scale(sensor):
    dim, bright = made(picture(scale=1e-3), sensor=sensor), made(picture(scale=1e3), sensor=sensor)
    assert np.abs(dim.astype(int) - bright).max() <= 1
    assert dim.dtype == np.uint8
    assert 60 < dim.mean() < 190


def test_the_same_generator_develops_the_same_and_another_differs():
    assert np.array_equal(made(picture()), made(picture()))
    assert not np.array_equal(made(picture(), seed=1), made(picture(), seed=2))


def test_white_balance_takes_part_of_a_cast_away():
    warm = (1.0, 0.7, 0.4)
    developed = made(picture(tint=warm)).astype(float).mean((0, 1))
    assert developed[0] > developed[2] + 5
    plain = encode(filmic(picture(tint=warm))).astype(float).mean((0, 1))
    assert developed[0] / developed[2] < plain[0] / plain[2]


def test_a_bright_window_does_not_blacken_the_room():
    room = picture()
    lit = room.copy()
    lit[:8, :16] = 500
    assert made(lit)[16:].mean() > 0.45 * made(room)[16:].mean()


@pytest.mark.parametrize("value", [0.0, np.nan, -1.0])
def test_what_has_no_light_is_black(value):
    assert not made(np.full((8, 8, 3), value, np.float32)).any()


def test_the_curves_rise():
    ramp = np.linspace(0, 20, 2000)
    assert np.all(np.diff(filmic(ramp)) >= 0)
    assert encode(np.array([0.0, 0.2140, 1.0])).tolist() == [0, 127, 255]
