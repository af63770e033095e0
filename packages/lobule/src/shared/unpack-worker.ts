import { parentPort } from "node:worker_threads";
import { unpackPixels } from "@lobule/dicom";

/** What is answered to a DICOM file. */
export type UnpackAnswer =
  | { readonly kind: "done"; readonly file: Uint8Array }
  | { readonly kind: "failed"; readonly message: string };

async function answerTo(file: Uint8Array): Promise<UnpackAnswer> {
  try {
    return { kind: "done", file: await unpackPixels(file) };
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

/** A thread that unpacks one DICOM file after another. */
parentPort?.on("message", async (file: Uint8Array) => parentPort?.postMessage(await answerTo(file)));
