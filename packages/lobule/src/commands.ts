import { benchCommand } from "./bench/bench-command.js";
import { benchGpuCommand } from "./bench/bench-gpu-command.js";
import { largeTaskCommand } from "./bench/large-task-command.js";
import { ownPeerCommand } from "./bench/own-peer-command.js";
import { rehearseCommand } from "./bench/rehearse-command.js";
import type { Command } from "./command-line/command.js";
import { compareCommand } from "./compare/compare-command.js";
import { completionCommand } from "./completion-command.js";
import { configCheckCommand, configDefaultsCommand, configSchemaCommand } from "./config/config-command.js";
import { crossvalCommand } from "./crossval/crossval-command.js";
import { augmentationsCommand } from "./data/augmentations-command.js";
import { convertCommand } from "./data/convert-command.js";
import { fromImagesCommand } from "./data/from-images-command.js";
import { infoCommand } from "./data/info-command.js";
import { verifyCommand } from "./data/verify-command.js";
import { doctorCommand } from "./doctor/doctor-command.js";
import { evaluateCommand } from "./evaluate/evaluate-command.js";
import { experimentCommand } from "./experiment/experiment-command.js";
import { exportDicomRtstructCommand, exportDicomSegCommand } from "./export/export-dicom-commands.js";
import { exportOnnxCommand } from "./export/export-onnx-command.js";
import { exportPytorchCommand } from "./export/export-pytorch-command.js";
import { importNnunetCommand } from "./import/import-nnunet-command.js";
import { importPytorchCommand } from "./import/import-pytorch-command.js";
import { inspectCommand } from "./inspect/inspect-command.js";
import { summaryCommand } from "./inspect/summary-command.js";
import { parityCommand } from "./parity/parity-command.js";
import { phantomCommand } from "./phantom/phantom-command.js";
import { planCommand } from "./plan/plan-command.js";
import { postprocessCommand } from "./postprocess/postprocess-command.js";
import { segmentCommand } from "./segment/segment-command.js";
import { studioCommand } from "./studio/studio-command.js";
import { trainCommand } from "./train/train-command.js";
import { unlockCommand } from "./train/unlock-command.js";

/** All that the program does, in the order of the help. */
export const commands: readonly Command[] = [
  doctorCommand,
  phantomCommand,
  infoCommand,
  verifyCommand,
  convertCommand,
  fromImagesCommand,
  augmentationsCommand,
  parityCommand,
  planCommand,
  trainCommand,
  evaluateCommand,
  postprocessCommand,
  segmentCommand,
  inspectCommand,
  summaryCommand,
  exportOnnxCommand,
  exportPytorchCommand,
  exportDicomSegCommand,
  exportDicomRtstructCommand,
  importNnunetCommand,
  importPytorchCommand,
  benchCommand,
  ownPeerCommand,
  benchGpuCommand,
  rehearseCommand,
  largeTaskCommand,
  compareCommand,
  studioCommand,
  experimentCommand,
  crossvalCommand,
  configSchemaCommand,
  configDefaultsCommand,
  configCheckCommand,
  unlockCommand,
  completionCommand(() => commands.filter(({ describe }) => describe !== undefined)),
];
