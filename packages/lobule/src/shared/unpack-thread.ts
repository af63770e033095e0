import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { UnpackAnswer } from "./unpack-worker.js";

export interface UnpackThreadOptions {
  /** Seconds that a file may take. */
  readonly seconds?: number;
  /** Ends what is unpacked. */
  readonly signal?: AbortSignal | undefined;
  /** The compiled worker, where it is not beside this file or in this package's build. */
  readonly worker?: URL;
}

function compiledWorker(): URL {
  const beside = new URL("./unpack-worker.js", import.meta.url);
  return existsSync(beside) ? beside : new URL("../../dist/shared/unpack-worker.js", import.meta.url);
}

/** Unpacks DICOM files in a thread, which is ended where one takes too long: on damaged pixels some codecs have no end. */
export class UnpackThread {
  private worker: Worker | undefined;
  private readonly seconds: number;

  constructor(private readonly options: UnpackThreadOptions = {}) {
    this.seconds = options.seconds ?? 20;
  }

  /** One file at a time. @throws Error what the codecs throw, or that the pixels took too long; the signal's reason. */
  async unpack(file: Uint8Array): Promise<Uint8Array> {
    this.worker ??= this.start();
    const answer = await this.answer(this.worker, file).catch(async (error: unknown) => {
      await this.end();
      throw error;
    });
    if (answer.kind === "failed") throw new Error(answer.message);
    return answer.file;
  }

  /** Ends the thread, whatever it does; the next file starts another. */
  async end(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private start(): Worker {
    const worker = new Worker(this.options.worker ?? compiledWorker(), { execArgv: [] });
    // While an answer is awaited the deadline keeps the process; nothing else is to.
    worker.unref();
    return worker;
  }

  private answer(worker: Worker, file: Uint8Array): Promise<UnpackAnswer> {
    const { signal } = this.options;
    let settled = (): void => undefined;
    return new Promise<UnpackAnswer>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`they had no end after ${this.seconds} s`)), this.seconds * 1000);
      const aborted = (): void => reject(signal?.reason);
      const ended = (): void => reject(new Error("the thread that unpacks them ended"));
      settled = () => {
        clearTimeout(late);
        signal?.removeEventListener("abort", aborted);
        worker.off("message", resolve).off("error", reject).off("exit", ended);
      };
      signal?.addEventListener("abort", aborted);
      worker.once("message", resolve).once("error", reject).once("exit", ended);
      worker.postMessage(file);
    }).finally(() => settled());
  }
}
