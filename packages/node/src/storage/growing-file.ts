import { type FileHandle, open } from "node:fs/promises";
import type { GrowingFile } from "@lobule/data";

/** Makes a file that grows; it is no link. @throws EEXIST where something has the name. */
export async function makeGrowingFile(path: string): Promise<GrowingFile> {
  return new AppendedFile(await open(path, "ax"));
}

class AppendedFile implements GrowingFile {
  constructor(private readonly handle: FileHandle) {}

  add(bytes: Uint8Array): Promise<void> {
    return this.handle.appendFile(bytes);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
