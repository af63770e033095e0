#!/usr/bin/python3
"""PyTorch checkpoints of every form that `lobule import pytorch` reads, with what they hold.

    /usr/bin/python3 tools/oracle/checkpoints.py       writes packages/interop/src/pytorch/fixtures

(Debian: apt-get install python3-torch; PyTorch 1.13.) The network is the reference with 2 base features and depth 1;
logits.safetensors has an image and the logits that PyTorch computes of it in float64.
"""
import os
from collections import OrderedDict

import numpy as np
import torch
from networks import REFERENCE, UNet, save_safetensors

OUT = os.path.join(os.path.dirname(__file__), "../../packages/interop/src/pytorch/fixtures")


def network():
    torch.manual_seed(7)
    unet = UNet(2, 1, REFERENCE)
    for name, buffer in unet.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn_like(buffer) / 5)
        if name.endswith("running_var"):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    return unet.eval()


def main():
    os.makedirs(OUT, exist_ok=True)
    path = lambda name: os.path.join(OUT, name)
    unet = network()
    state = unet.state_dict()
    old = dict(_use_new_zipfile_serialization=False)
    torch.save(state, path("reference.pt"))
    torch.save(state, path("reference-old.pt"), **old)
    save_safetensors(path("reference.safetensors"), {k: v for k, v in state.items() if "num_batches" not in k})

    # As after training on several GPUs, with the optimizer's moments beside the weights.
    adam = torch.optim.Adam(unet.parameters())
    unet(torch.ones(1, 1, 4, 4))[0].sum().backward()
    adam.step()
    unet.load_state_dict(state := network().state_dict())
    prefixed = OrderedDict((f"module.{name}", value) for name, value in state.items())
    torch.save({"epoch": 3, "state_dict": prefixed, "optimizer": adam.state_dict()}, path("checkpoint.pt"))

    # The whole model: its class is a name that is never looked up.
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)), path("whole.pt"))
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3)), path("whole-old.pt"), **old)

    # Element types, and views that share elements. The values are those of `types` in read-pytorch.test.ts.
    base = torch.arange(12, dtype=torch.float32) / 4
    kinds = dict(f64=torch.float64, f16=torch.float16, bf16=torch.bfloat16, i64=torch.int64, u8=torch.uint8)
    types = {name: (base[:4]).to(dtype) for name, dtype in kinds.items()}
    types.update(transposed=base.reshape(3, 4).t(), part=base[5:8], scalar=base[2], parameter=torch.nn.Parameter(base[:2]))
    torch.save(types, path("types.pt"))
    torch.save(types, path("types-old.pt"), **old)
    torch.save(types, path("types-protocol4.pt"), pickle_protocol=4)

    image = torch.from_numpy(np.float32(np.sin(0.7 * np.arange(48) ** 2)).reshape(1, 1, 6, 8))
    logits = network().double()(image.double())[0]
    save_safetensors(path("logits.safetensors"), {"image": image, "logits": logits})


main()
