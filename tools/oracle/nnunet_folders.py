#!/usr/bin/python3
"""Trained folders of nnU-Net v2 with random weights, and what PyTorch computes of them.

    /usr/bin/python3 tools/oracle/nnunet_folders.py       writes packages/interop/src/nnunet/fixtures

(Debian: apt-get install python3-torch python3-scipy; PyTorch 1.13.) The networks are made by the code below, which has the names and the
order of parameters that nnU-Net's have; nothing of nnU-Net is needed. Beside each folder's own files io.safetensors has an
image, the logits of every fold, and the gradients of Σ logits · grad_logits of the first, in float64 rounded once; and slices
of HU with the labels of all folds together, by patches as nnU-Net lays them, without mirror images: at the plan's spacing, and
where `spacing` stands beside it at another one, images resampled by cubic splines and logits linearly. Where there are several channels, all but the first are z-scores of each slice itself, which stands for the whole scan.
"""
import json
import os
import pathlib

import numpy as np
import torch
import torch.nn as nn
from networks import save_safetensors
from scipy.ndimage import zoom
from splines import resized

OUT = pathlib.Path(__file__).parents[2] / "packages" / "interop" / "src" / "nnunet" / "fixtures"
CLASSES = ["background", "liver", "tumor"]
FOREGROUND = dict(max=420.0, mean=101.5, median=102.0, min=-520.0, percentile_00_5=-17.5, percentile_99_5=201.25, std=37.25)


class ConvNormAct(nn.Module):
    """Its parts stand in the state dict twice: under their names, and in the order in which they are run."""

    def __init__(self, cin, cout, kernel, stride=(1, 1), bias=True, act=True):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, [(k - 1) // 2 for k in kernel], bias=bias)
        self.norm = nn.InstanceNorm2d(cout, eps=1e-5, affine=True)
        self.all_modules = nn.Sequential(self.conv, self.norm, *([nn.LeakyReLU()] if act else []))

    def forward(self, x):
        return self.all_modules(x)


class Stack(nn.Module):
    def __init__(self, count, cin, cout, kernel, stride=(1, 1)):
        super().__init__()
        self.convs = nn.Sequential(
            *(ConvNormAct(cin if i == 0 else cout, cout, kernel, stride if i == 0 else (1, 1)) for i in range(count))
        )

    def forward(self, x):
        return self.convs(x)


class ResidualBlock(nn.Module):
    def __init__(self, cin, cout, kernel, stride):
        super().__init__()
        self.conv1 = ConvNormAct(cin, cout, kernel, stride)
        self.conv2 = ConvNormAct(cout, cout, kernel, act=False)
        pool = [nn.AvgPool2d(stride, stride)] if max(stride) > 1 else []
        project = [ConvNormAct(cin, cout, (1, 1), bias=False, act=False)] if cin != cout else []
        self.skip = nn.Sequential(*pool, *project)
        self.act = nn.LeakyReLU()

    def forward(self, x):
        return self.act(self.conv2(self.conv1(x)) + self.skip(x))


class ResidualStack(nn.Module):
    def __init__(self, count, cin, cout, kernel, stride):
        super().__init__()
        self.blocks = nn.Sequential(
            *(ResidualBlock(cin if i == 0 else cout, cout, kernel, stride if i == 0 else (1, 1)) for i in range(count))
        )

    def forward(self, x):
        return self.blocks(x)


class Encoder(nn.Module):
    def __init__(self, plan, residual, channels):
        super().__init__()
        features, cin = plan["features_per_stage"], channels
        if residual:
            self.stem, cin = Stack(1, channels, features[0], plan["kernel_sizes"][0]), features[0]
        counts = plan["n_blocks_per_stage"] if residual else plan["n_conv_per_stage"]
        stages = []
        for count, cout, kernel, stride in zip(counts, features, plan["kernel_sizes"], plan["strides"]):
            kind = ResidualStack if residual else Stack
            stage = kind(count, cin, cout, kernel, stride)
            stages.append(stage if residual else nn.Sequential(stage))
            cin = cout
        self.stages = nn.Sequential(*stages)

    def forward(self, x):
        skips = []
        x = self.stem(x) if hasattr(self, "stem") else x
        for stage in self.stages:
            skips.append(x := stage(x))
        return skips


class Decoder(nn.Module):
    """Holds the encoder too, so that its parameters stand in the state dict once more."""

    def __init__(self, encoder, plan):
        super().__init__()
        self.encoder = encoder
        features, kernels, strides = plan["features_per_stage"], plan["kernel_sizes"], plan["strides"]
        levels = list(reversed(range(len(features) - 1)))
        self.stages = nn.ModuleList(
            Stack(count, 2 * features[i], features[i], kernels[i])
            for count, i in zip(plan["n_conv_per_stage_decoder"], levels)
        )
        self.transpconvs = nn.ModuleList(
            nn.ConvTranspose2d(features[i + 1], features[i], strides[i + 1], strides[i + 1]) for i in levels
        )
        self.seg_layers = nn.ModuleList(nn.Conv2d(features[i], len(CLASSES), 1) for i in levels)

    def forward(self, skips):
        x = skips.pop()
        for up, stage in zip(self.transpconvs, self.stages):
            x = stage(torch.cat([up(x), skips.pop()], 1))
        return self.seg_layers[-1](x)


class Network(nn.Module):
    def __init__(self, plan, residual, channels):
        super().__init__()
        self.encoder = Encoder(plan, residual, channels)
        self.decoder = Decoder(self.encoder, plan)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def architecture(name, features, kernels, strides, blocks, decoder):
    residual = name == "ResidualEncoderUNet"
    return dict(
        network_class_name=f"dynamic_network_architectures.architectures.unet.{name}",
        arch_kwargs=dict(
            n_stages=len(features),
            features_per_stage=features,
            conv_op="torch.nn.modules.conv.Conv2d",
            kernel_sizes=kernels,
            strides=strides,
            **{"n_blocks_per_stage" if residual else "n_conv_per_stage": blocks},
            n_conv_per_stage_decoder=decoder,
            conv_bias=True,
            norm_op="torch.nn.modules.instancenorm.InstanceNorm2d",
            norm_op_kwargs=dict(eps=1e-5, affine=True),
            dropout_op=None,
            dropout_op_kwargs=None,
            nonlin="torch.nn.LeakyReLU",
            nonlin_kwargs=dict(inplace=True),
        ),
        _kw_requires_import=["conv_op", "norm_op", "dropout_op", "nonlin"],
    )


# name: (the architecture, height and width of a patch, spacing of rows and columns, folds, names of the channels)
FOLDERS = {
    "plain": (
        architecture(
            "PlainConvUNet",
            [3, 4, 5, 6],
            [[1, 3], [3, 3], [3, 3], [3, 3]],
            [[1, 1], [1, 2], [2, 2], [2, 2]],
            [2, 2, 2, 2],
            [2, 2, 2],
        ),
        [12, 24],
        [1.5, 0.75],
        2,
        ["CT"],
    ),
    "residual": (
        architecture("ResidualEncoderUNet", [4, 6, 6], [[3, 3]] * 3, [[1, 1], [2, 2], [2, 1]], [1, 2, 2], [1, 1]),
        [16, 12],
        [0.8, 0.8],
        1,
        ["CT"],
    ),
    "channels": (
        architecture("PlainConvUNet", [3, 4], [[3, 3]] * 2, [[1, 1], [2, 2]], [1, 1], [1]),
        [8, 12],
        [1.0, 1.0],
        1,
        ["CT", "T2"],
    ),
}


# Height and width of slices: larger than a patch, and smaller along one axis.
SLICES = {"plain": [(17, 37), (9, 31)], "residual": [(21, 13), (35, 10)], "channels": [(13, 19), (6, 15)]}

# Height and width of slices of another spacing, that of rows and columns, and their extents at the plan's.
RESIZED = {"plain": [((13, 45), [2.0, 0.6], (17, 36))]}


def plans_of(arch, patch, spacing, channels):
    configuration = dict(
        data_identifier="nnUNetPlans_2d",
        preprocessor_name="DefaultPreprocessor",
        batch_size=12,
        patch_size=patch,
        median_image_size_in_voxels=[float(2 * extent) for extent in patch],
        spacing=spacing,
        normalization_schemes=["CTNormalization", *(["ZScoreNormalization"] * (len(channels) - 1))],
        use_mask_for_norm=[False] * len(channels),
        resampling_fn_data="resample_data_or_seg_to_shape",
        resampling_fn_data_kwargs=dict(is_seg=False, order=3, order_z=0, force_separate_z=None),
        architecture=arch,
        batch_dice=True,
    )
    return dict(
        dataset_name="Dataset003_Liver",
        plans_name="nnUNetPlans",
        original_median_spacing_after_transp=[1.0, *spacing],
        original_median_shape_after_transp=[60, *(2 * extent for extent in patch)],
        image_reader_writer="SimpleITKIO",
        transpose_forward=[0, 1, 2],
        transpose_backward=[0, 1, 2],
        configurations={"2d": configuration, "2d_small": dict(inherits_from="2d", batch_size=2)},
        experiment_planner_used="ExperimentPlanner",
        label_manager="LabelManager",
        foreground_intensity_properties_per_channel={str(c): FOREGROUND for c in range(len(channels))},
    )


def checkpoint_of(network, plans, fold):
    """What a checkpoint of nnU-Net's trainer holds."""
    optimizer = torch.optim.SGD(network.parameters(), 1e-2, momentum=0.99)
    return dict(
        network_weights=network.state_dict(),
        optimizer_state=optimizer.state_dict(),
        grad_scaler_state=dict(scale=65536.0, growth_factor=2.0),
        logging=dict(mean_fg_dice=[np.float64(0.5)], lrs=[0.01]),
        _best_ema=np.float64(0.5),
        current_epoch=1000,
        init_args=dict(plans=plans, configuration="2d", fold=fold, dataset_json={}, device=torch.device("cpu")),
        trainer_name="nnUNetTrainer",
        inference_allowed_mirroring_axes=(0, 1),
    )


def starts(extent, patch):
    """Where patches begin along an axis: at most half a patch apart, evenly spread."""
    count = int(np.ceil((extent - patch) / (patch / 2))) + 1
    step = (extent - patch) / max(count - 1, 1)
    return [int(np.round(step * i)) for i in range(count)]


def normalized(hu):
    """The first channel by the foreground, each other one by itself."""
    first = (hu[0].clip(FOREGROUND["percentile_00_5"], FOREGROUND["percentile_99_5"]) - FOREGROUND["mean"]) / FOREGROUND["std"]
    return np.stack([first, *((each - each.mean()) / each.std() for each in hu[1:])])


def segment(networks, hu, patch, seen=None):
    """As z-scores, resampled, padded to a patch, in patches with Gaussian weights, mean logits of all networks."""
    scores = normalized(hu)
    if seen is not None:
        scores = np.stack([resized(each, *seen) for each in scores])
    extents = scores.shape[1:]
    before = [max(p - e, 0) // 2 for e, p in zip(extents, patch)]
    after = [max(p - e, 0) - b for e, p, b in zip(extents, patch, before)]
    x = torch.from_numpy(np.pad(scores, [(0, 0), *zip(before, after)]))
    profile = lambda extent: torch.exp(-0.5 * ((torch.arange(extent).double() - extent // 2) / (extent / 8)) ** 2)
    weight = profile(patch[0])[:, None] * profile(patch[1])
    total, weights = torch.zeros(len(CLASSES), *x.shape[1:]).double(), torch.zeros(x.shape[1:]).double()
    with torch.no_grad():
        for top in starts(x.shape[1], patch[0]):
            for left in starts(x.shape[2], patch[1]):
                at = (slice(top, top + patch[0]), slice(left, left + patch[1]))
                total[(..., *at)] += weight * sum(network(x[(..., *at)][None])[0] for network in networks)
                weights[at] += weight
    logits = (total / weights)[(slice(None), *(slice(b, b + e) for b, e in zip(before, extents)))]
    if seen is not None:
        factors = [own / other for own, other in zip(hu.shape[1:], extents)]
        logits = torch.from_numpy(np.stack([zoom(each, factors, order=1, mode="nearest", grid_mode=True) for each in logits.numpy()]))
    return logits.argmax(0)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def write(name, arch, patch, spacing, folds, channels):
    folder = OUT / name
    os.makedirs(folder, exist_ok=True)
    plans = plans_of(arch, patch, spacing, channels)
    write_json(folder / "plans.json", plans)
    labels = {label: value for value, label in enumerate(CLASSES)}
    dataset = dict(channel_names={str(c): each for c, each in enumerate(channels)}, labels=labels, numTraining=2, file_ending=".nii.gz")
    write_json(folder / "dataset.json", dataset)
    generator = torch.Generator().manual_seed(5)
    drawn = lambda *shape: torch.randn(shape, generator=generator).double()
    image = drawn(1, len(channels), *patch)
    io, networks = {"image": image}, []
    for fold in range(folds):
        torch.manual_seed(20 + fold)
        network = Network(arch["arch_kwargs"], arch["network_class_name"].endswith("ResidualEncoderUNet"), len(channels))
        for key, parameter in network.named_parameters():
            if ".norm." in key:
                nn.init.normal_(parameter, 1.0 if key.endswith("weight") else 0.0, 0.3)
        os.makedirs(folder / f"fold_{fold}", exist_ok=True)
        torch.save(checkpoint_of(network, plans, fold), folder / f"fold_{fold}" / "checkpoint_final.pth")
        logits = network.double()(image)
        networks.append(network)
        io[f"logits.{fold}"] = logits
        if fold == 0:
            io["grad_logits"] = drawn(*logits.shape).float().double()
            logits.backward(io["grad_logits"])
            used = [(key, each.grad) for key, each in network.named_parameters() if each.grad is not None]
            io.update({f"grad.{key}": gradient for key, gradient in used})
    own = [(extents, None, None) for extents in SLICES[name]]
    for i, ((height, width), other, seen) in enumerate([*own, *RESIZED.get(name, [])]):
        y, x = np.mgrid[:height, :width]
        hu = np.round(150 * np.sin(0.5 * x + 0.3 * y) + 120 * np.cos(0.07 * x * y) + 60)
        others = [np.round(90 * np.cos(0.4 * x - 0.2 * y + c) + 300 + 30 * np.sin(0.11 * x * y)) for c in range(1, len(channels))]
        hu = np.stack([hu, *others])
        labels = segment(networks, hu, patch, seen)
        if other is not None:
            io[f"spacing.{i}"] = torch.tensor(other).double()
        io.update({f"slice.{i}": torch.from_numpy(hu if others else hu[0]), f"labels.{i}": labels})
        print(f"{name}: {height}×{width}, {np.bincount(labels.flatten().numpy(), minlength=len(CLASSES))} pixels of each class")
    save_safetensors(folder / "io.safetensors", io)


if __name__ == "__main__":
    for name, given in FOLDERS.items():
        write(name, *given)
