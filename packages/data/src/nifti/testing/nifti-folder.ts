import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll } from "vitest";
import type { NiftiDatatype } from "../datatypes.js";
import { type NiftiVolume, readNifti } from "../read-nifti.js";
import { encodeNifti, type NiftiFields } from "./encode.js";

/** A folder of the tests of a file, and what is read of volumes in it. */
export function niftiFolder() {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lobule-nifti-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  const readBytes = async (bytes: Uint8Array, name = "volume.nii"): Promise<NiftiVolume> => {
    await writeFile(at(name), bytes);
    return readNifti(nodeStorage, at(name));
  };
  return {
    at,
    readBytes,
    /** Reads a volume of 4 × 3 × 1 values, or one of other fields. */
    read: (type: NiftiDatatype, changes: Partial<NiftiFields> = {}, values?: readonly (number | bigint)[]) =>
      readBytes(encodeNifti(type, changes, values)),
  };
}
