"""Reference numbers of the changes of intensities from SciPy and PyTorch, in float64.

    /usr/bin/python3 tools/oracle/intensities.py

writes tools/oracle/fixtures/intensities.json (Debian: apt-get install python3-torch python3-scipy). What SciPy and PyTorch have
is called; contrast and gamma are written out as nnU-Net's batchgeneratorsv2 computes them. The test reads the file and
needs no Python. Values are multiples of 1/256, which float32 holds exactly.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter

HEIGHT, WIDTH = 11, 13
torch.set_default_dtype(torch.float64)


def blur(x, deviation):
    return torch.from_numpy(gaussian_filter(x.numpy(), deviation))


def contrast(x, brightness, factor):
    x = x * brightness
    return ((x - x.mean()) * factor + x.mean()).clamp(x.min(), x.max())


def low_resolution(x, rows, columns):
    coarse = F.interpolate(x[None, None], size=(rows, columns), mode="nearest-exact")
    return F.interpolate(coarse, size=x.shape, mode="bilinear", align_corners=False)[0, 0]


def gamma(x, exponent, inverted):
    x = -x if inverted else x
    mean, deviation, low, width = x.mean(), x.std(), x.min(), x.max() - x.min()
    y = ((x - low) / width.clamp(min=1e-7)) ** exponent * width + low
    y = (y - y.mean()) * (deviation / y.std().clamp(min=1e-7)) + mean
    return -y if inverted else y


def main():
    x = torch.round(torch.randn(HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3)) * 256) / 256
    cases = [
        ({"blur": 0.5}, blur(x, 0.5)),
        ({"blur": 1}, blur(x, 1)),
        ({"blur": 2.5}, blur(x, 2.5)),
        ({"brightness": 1.25, "contrast": 0.75}, contrast(x, 1.25, 0.75)),
        ({"contrast": 1.25}, contrast(x, 1, 1.25)),
        ({"coarse": [7, 8]}, low_resolution(x, 7, 8)),
        ({"coarse": [6, 11]}, low_resolution(x, 6, 11)),
        ({"gamma": 0.7}, gamma(x, 0.7, False)),
        ({"invertedGamma": 1.5}, gamma(x, 1.5, True)),
    ]
    result = {
        "height": HEIGHT,
        "width": WIDTH,
        "image": x.flatten().tolist(),
        "cases": [
            {"change": change, "result": [float(f"{value:.9g}") for value in y.flatten().tolist()]} for change, y in cases
        ],
    }
    path = pathlib.Path(__file__).parent / "fixtures" / "intensities.json"
    path.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
