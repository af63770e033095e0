"""Reference numbers of resizing by cubic splines from SciPy, in float64.

    /usr/bin/python3 tools/oracle/splines.py

writes tools/oracle/fixtures/splines.json (Debian: apt-get install python3-scipy). It is what skimage.transform.resize computes with
order=3, mode="edge", anti_aliasing=False, by which nnU-Net resamples images: `scipy.ndimage.zoom`, clipped to the range of the
image. The test reads the file and needs no Python.
"""

import json
import pathlib

import numpy as np
from scipy.ndimage import zoom

HEIGHT, WIDTH = 11, 14


def resized(image, height, width):
    factors = [height / image.shape[0], width / image.shape[1]]
    return zoom(image, factors, order=3, mode="nearest", grid_mode=True).clip(image.min(), image.max())


def main():
    image = np.random.default_rng(4).integers(-300, 300, size=(HEIGHT, WIDTH)).astype(float)
    extents = [(11, 14), (17, 21), (7, 30), (4, 5)]
    result = {
        "height": HEIGHT,
        "width": WIDTH,
        "image": [int(value) for value in image.flatten()],
        "cases": [
            {
                "height": height,
                "width": width,
                "result": [float(f"{value:.9g}") for value in resized(image, height, width).flatten()],
            }
            for height, width in extents
        ],
    }
    path = pathlib.Path(__file__).parent / "fixtures" / "splines.json"
    path.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
