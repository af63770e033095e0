import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reason } from "@lobule/data";
import { BenchError } from "./bench-error.js";

/** A folder for the files of this process alone, which is gone at the latest when the process exits. */
export class TemporaryFolder {
  private constructor(readonly path: string) {
    process.on("exit", this.removeAtExit);
  }

  /**
   * @param prefix of its name.
   * @param parent an existing folder; by default that of the system's temporary files.
   * @throws BenchError where it cannot be made.
   */
  static async make(prefix: string, parent?: string): Promise<TemporaryFolder> {
    const path = await mkdtemp(join(parent ?? tmpdir(), prefix)).catch((error: unknown) => {
      const advice = parent === undefined ? "; set TMPDIR to another" : "";
      throw new BenchError(`no folder can be made in ${parent ?? tmpdir()}: ${reason(error)}${advice}`);
    });
    return new TemporaryFolder(path);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    process.off("exit", this.removeAtExit);
  }

  private readonly removeAtExit = (): void => rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
}
