import { parentPort } from "node:worker_threads";
import { loadParser, type ParsedDicom, parseDicom, type SeriesFile } from "@lobule/dicom";

/** What is answered to a file. */
export type DicomAnswer =
  | { readonly kind: "done"; readonly parsed: ParsedDicom | undefined }
  | { readonly kind: "failed"; readonly message: string };

async function answerTo(file: SeriesFile): Promise<DicomAnswer> {
  try {
    return { kind: "done", parsed: await parseDicom(file) };
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

/** A thread that says "ready", and parses one DICOM file after another. */
await loadParser();
parentPort?.postMessage("ready");
parentPort?.on("message", async (file: SeriesFile) => {
  const answer = await answerTo(file);
  const pixels = answer.kind === "done" ? answer.parsed?.pixels.buffer : undefined;
  parentPort?.postMessage(answer, pixels instanceof ArrayBuffer ? [pixels] : []);
});
