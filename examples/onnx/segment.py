"""Labels a scan with an exported model: python segment.py model.onnx scan.nii.gz labels.nii.gz"""
import json
import sys

import nibabel as nib
import numpy as np
import onnxruntime

model, scan, output = sys.argv[1:4]
described = json.load(open(model.replace(".onnx", ".json")))
if "channels" in described:
    sys.exit(f"{model} takes images of several channels, and this program reads scans of one")
channels = described["input"]["shape"][1]
session = onnxruntime.InferenceSession(model)
stored = nib.load(scan)
canonical = nib.as_closest_canonical(stored)  # x to the patient's right, y to the front, z to the head
slices = np.asarray(canonical.dataobj, np.float32).transpose(2, 1, 0)
depth = np.arange(len(slices))[:, None]
neighbors = np.clip(depth + np.arange(channels) - channels // 2, 0, len(slices) - 1)
found = [session.run(["labels"], {"slices": slices[each][None]})[0][0] for each in neighbors]
labels = nib.Nifti1Image(np.stack(found).transpose(2, 1, 0), canonical.affine)
there = nib.orientations.ornt_transform(nib.io_orientation(canonical.affine), nib.io_orientation(stored.affine))
nib.save(labels.as_reoriented(there), output)
