import { parentPort } from "node:worker_threads";
import { DataError } from "../data-error.js";
import { CacheWriteError, type DecodeRequest, decodeCase } from "./decode-case.js";

/** What a worker answers to a request: nothing is wrong (was an entry written?), the case is, the cache cannot be written, or the program fails. */
export type DecodeAnswer =
  | { readonly kind: "done"; readonly written: boolean }
  | { readonly kind: "case" | "cache" | "failure"; readonly message: string };

/** A thread that decodes one case after another; it never touches the GPU. */
parentPort?.on("message", (request: DecodeRequest) => {
  decodeCase(request).then(
    (written) => parentPort?.postMessage({ kind: "done", written } satisfies DecodeAnswer),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const kind = error instanceof CacheWriteError ? "cache" : error instanceof DataError ? "case" : "failure";
      parentPort?.postMessage({ kind, message } satisfies DecodeAnswer);
    },
  );
});
