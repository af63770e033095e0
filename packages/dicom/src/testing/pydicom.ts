import { execFileSync } from "node:child_process";

/** A Python that has pydicom and NumPy; undefined where there is none. */
export const pythonWithPydicom = (): string | undefined =>
  ["python3", "/usr/bin/python3"].find((each) => {
    try {
      execFileSync(each, ["-c", "import pydicom, numpy"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
