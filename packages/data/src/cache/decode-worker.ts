import { parentPort } from "node:worker_threads";
import { DataError } from "../data-error.js";
import { type DecodeRequest, decodeCase } from "./decode-case.js";

/** What a worker answers to a request: nothing is wrong, the user's data are, or the program is. */
export type DecodeAnswer =
  | { readonly kind: "done" }
  | { readonly kind: "data error"; readonly message: string }
  | { readonly kind: "failure"; readonly message: string };

/** A thread that decodes one case after another; it never touches the GPU. */
parentPort?.on("message", (request: DecodeRequest) => {
  decodeCase(request).then(
    () => parentPort?.postMessage({ kind: "done" } satisfies DecodeAnswer),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const kind = error instanceof DataError ? "data error" : "failure";
      parentPort?.postMessage({ kind, message } satisfies DecodeAnswer);
    },
  );
});
