import { spawnSync } from "node:child_process";

/** Whether a Python can be run and has PyTorch; it is not loaded for that. */
const hasPyTorch = (python: string): boolean =>
  spawnSync(python, ["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"], {
    stdio: "ignore",
  }).status === 0;

/** The first usual Python that has PyTorch, or `python3`, whose error then says what is missing. */
export const findPython = (): string => ["python3", "/usr/bin/python3", "python"].find(hasPyTorch) ?? "python3";
