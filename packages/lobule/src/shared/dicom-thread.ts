import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { DataError } from "@lobule/data";
import type { ParsedDicom, SeriesFile } from "@lobule/dicom";
import type { DicomAnswer } from "./dicom-worker.js";

export interface DicomThreadOptions {
  /** Seconds that a file may take, and one more for each megabyte. */
  readonly seconds?: number;
  /** Ends what is parsed. */
  readonly signal?: AbortSignal | undefined;
  /** The compiled worker, where it is not beside this file or in this package's build. */
  readonly worker?: URL;
}

function compiledWorker(): URL {
  const beside = new URL("./dicom-worker.js", import.meta.url);
  return existsSync(beside) ? beside : new URL("../../dist/shared/dicom-worker.js", import.meta.url);
}

/** MiB of attributes; those of thousands of frames take a tenth. A damaged file may claim any number of them. */
const mostMemory = 2048;

/** Parses DICOM files in a thread, which is ended where one takes too long: the libraries may work on damaged files for ever. */
export class DicomThread {
  private worker: Worker | undefined;
  private readonly seconds: number;

  constructor(private readonly options: DicomThreadOptions = {}) {
    this.seconds = options.seconds ?? 20;
  }

  /** One file at a time. @throws DataError as parseDicom, or that the file took too long; the signal's reason. */
  async parse({ path, bytes }: SeriesFile): Promise<ParsedDicom | undefined> {
    const broken = (what: string): DataError => new DataError(`${path} cannot be read (${what}); copy it again`);
    let answer: DicomAnswer;
    try {
      const worker = this.worker ?? (await this.start(broken));
      const seconds = this.seconds + Math.floor(bytes.length / 1e6);
      const late = new DataError(`${path} is damaged: reading it had no end after ${seconds} s; copy it again`);
      // A copy of its own, which need not be copied once more: the caller's array may be a part of a larger one.
      const own = new Uint8Array(bytes);
      worker.postMessage({ path, bytes: own }, [own.buffer]);
      answer = await this.message<DicomAnswer>(worker, broken, { seconds, late });
    } catch (error) {
      await this.end();
      throw error;
    }
    if (answer.kind === "failed") throw new DataError(answer.message);
    return answer.parsed;
  }

  /** Ends the thread, whatever it does; the next file starts another. */
  async end(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  /** What is loaded first takes seconds where the machine is busy, which is no fault of the file that waits for it. */
  private async start(broken: (what: string) => DataError): Promise<Worker> {
    const worker = new Worker(this.options.worker ?? compiledWorker(), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: mostMemory },
    });
    this.worker = worker;
    await this.message<"ready">(worker, broken);
    // While an answer is awaited the deadline keeps the process; nothing else is to.
    worker.unref();
    return worker;
  }

  /** The next message of the thread. @throws what is `late` after so many seconds, what is `broken` with the thread. */
  private message<T>(
    worker: Worker,
    broken: (what: string) => DataError,
    deadline?: { readonly seconds: number; readonly late: DataError },
  ): Promise<T> {
    const { signal } = this.options;
    let settled = (): void => undefined;
    return new Promise<T>((resolve, reject) => {
      const timer = deadline && setTimeout(() => reject(deadline.late), deadline.seconds * 1000);
      const aborted = (): void => reject(signal?.reason);
      const failed = (error: Error): void => reject(broken(error.message));
      const ended = (): void => reject(broken("the thread that reads it ended"));
      settled = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
        worker.off("message", resolve).off("error", failed).off("exit", ended);
      };
      signal?.addEventListener("abort", aborted);
      worker.once("message", resolve).once("error", failed).once("exit", ended);
    }).finally(() => settled());
  }
}
