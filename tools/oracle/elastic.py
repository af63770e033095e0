"""Reference numbers of the elastic deformation from SciPy, in float64.

    /usr/bin/python3 tools/oracle/elastic.py

writes tools/oracle/fixtures/elastic.json (Debian: apt-get install python3-scipy). Splines and sampling are SciPy's; Philox is written
out from its paper (Salmon et al. 2011). The test reads the file and needs no Python.
"""

import json
import math
import pathlib

import numpy as np
from scipy.ndimage import map_coordinates

HEIGHT, WIDTH = 12, 17
DEVIATION, CELLS, SEED = 1.75, 3, 20

MASK = 2**32 - 1


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [second >> 32 ^ c[1] ^ k[0], second & MASK, first >> 32 ^ c[3] ^ k[1], first & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def normals(control):
    p, q = (word // 256 * 2.0**-24 for word in philox((control, 1, 0, 0), (SEED, 0))[:2])
    radius = math.sqrt(-2 * math.log(1 - p))
    return radius * math.cos(2 * math.pi * q), radius * math.sin(2 * math.pi * q)


def main():
    side = CELLS + 3
    controls = DEVIATION * np.array([normals(i) for i in range(side * side)]).reshape(side, side, 2)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    # The spline's coefficient of control point 1 is at place 0.
    places = [(y + 0.5) * CELLS / HEIGHT + 1, (x + 0.5) * CELLS / WIDTH + 1]
    moved = [map_coordinates(controls[:, :, axis], places, order=3, prefilter=False, mode="constant") for axis in (0, 1)]
    image = np.round(np.random.default_rng(3).normal(size=(HEIGHT, WIDTH)) * 256) / 256
    result = map_coordinates(image, [y + moved[1], x + moved[0]], order=1, mode="nearest")
    path = pathlib.Path(__file__).parent / "fixtures" / "elastic.json"
    path.write_text(
        json.dumps(
            {
                "height": HEIGHT,
                "width": WIDTH,
                "deformation": {"deviation": DEVIATION, "cells": CELLS, "seed": SEED},
                "image": image.flatten().tolist(),
                "result": [float(f"{value:.9g}") for value in result.flatten()],
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
