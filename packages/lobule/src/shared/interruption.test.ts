import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { Interrupted, interruptible, requestStop } from "./interruption.js";

const words = { stopping: "stopping after this slice", stopped: "interrupted; nothing was written" };

describe("a wish to stop", () => {
  const said: string[] = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => void said.push(line));
  afterEach(() => {
    said.length = 0;
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s asks the work to stop, says so, and is the reason of its end: exit code %i", async (name, code) => {
    const working = interruptible(words, async (signal) => {
      process.emit(name, name);
      signal.throwIfAborted();
    });
    await expect(working).rejects.toThrow(new Interrupted("interrupted; nothing was written", code));
    await expect(working).rejects.toMatchObject({ exitCode: code });
    expect(said).toEqual(["stopping after this slice; once more to stop at once"]);
  });

  test("lets work that can be brought to an end say how it ended", async () => {
    const working = interruptible(words, async (signal) => {
      requestStop({ exitCode: 141, because: "nobody reads standard output any more" });
      return signal.aborted ? "saved" : "done";
    });
    expect(await working).toBe("saved");
    expect(said).toEqual([
      "nobody reads standard output any more; stopping after this slice; once more to stop at once",
    ]);
  });

  test("comes once: what closes the output of stopping work, or a terminal that hangs up twice, asks for no haste", async () => {
    const exit = vi.spyOn(process, "exit").mockImplementation(() => {
      throw new Error("ended at once");
    });
    await interruptible(words, async () => {
      process.emit("SIGHUP", "SIGHUP");
      process.emit("SIGHUP", "SIGHUP");
      requestStop({ exitCode: 141 });
      requestStop({ exitCode: 141 });
    });
    expect(exit).not.toHaveBeenCalled();
    expect(said).toHaveLength(1);
    exit.mockRestore();
  });

  test("is left alone before and after", async () => {
    const count = (): number => process.listenerCount("SIGINT") + process.listenerCount("SIGHUP");
    const before = count();
    await interruptible(words, async () => expect(count()).toBe(before + 2));
    expect(count()).toBe(before);
  });
});

describe("a process", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lobule-signals-"));
    // The files of the data package that are used: the whole of it would take its time at each start.
    const source = (name: string): string => fileURLToPath(new URL(`../../../data/src/${name}`, import.meta.url));
    const data = join(folder, "data.ts");
    await writeFile(
      data,
      ["files/system-error.ts", "text/command-text.ts", "text/visible-text.ts", "text/wrap-text.ts"]
        .map((name) => `export * from ${JSON.stringify(source(name))};`)
        .join("\n"),
    );
    await build({
      stdin: {
        // Work in steps of 20 ms that says each, saves after the step in which it is asked to stop, and has a result.
        contents: `
          import { endedAtOnce, interruptible, watchOutput } from "./interruption.ts";
          watchOutput();
          const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
          const [steps, linger] = process.argv.slice(2).map(Number);
          if (linger < 0) {
            process.on("exit", (code) => console.error("tidied up, exit code " + code));
            await endedAtOnce(async () => { for (;;) { console.log("working"); await sleep(20); } });
          }
          try {
            await interruptible({ stopping: "stopping", stopped: "saved" }, async (signal) => {
              for (let i = 0; i < steps; i++) {
                console.log("step " + i);
                await sleep(20);
                if (signal.aborted) { await sleep(linger); throw signal.reason; }
              }
            });
          } catch (error) {
            console.error(error.message);
            process.exitCode = error.exitCode;
          }
          console.log("the end");`,
        resolveDir: fileURLToPath(new URL(".", import.meta.url)),
      },
      outfile: join(folder, "work.mjs"),
      bundle: true,
      platform: "node",
      format: "esm",
      alias: { "@lobule/data": data },
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Runs the work under a shell; its exit code and what it said on the error stream. */
  function sh(script: string): Promise<{ code: number | null; err: string }> {
    return new Promise((resolve) => {
      const shell = spawn("bash", ["-c", script], { stdio: ["ignore", "ignore", "pipe"] });
      let err = "";
      shell.stderr.on("data", (bytes: Buffer) => {
        err += bytes.toString();
      });
      shell.on("close", (code) => resolve({ code, err }));
    });
  }
  const work = (steps: number, linger = 0): string =>
    `${process.execPath} ${join(folder, "work.mjs")} ${steps} ${linger}`;

  test("whose output is closed saves and ends with 141, without a stack trace", async () => {
    const { code, err } = await sh(`set -o pipefail; ${work(1000)} | head -2`);
    expect(code).toBe(141);
    expect(err).toContain("nobody reads standard output any more; stopping");
    expect(err).toMatch(/\nsaved\n$/);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test("whose both outputs are closed saves and ends with 141", async () => {
    const { code, err } = await sh(`set -o pipefail; ${work(1000)} 2>&1 | head -2`);
    expect({ code, err }).toEqual({ code: 141, err: "" });
  });

  test("whose output ends in the last step has not said everything: 141 too", async () => {
    expect(await sh(`set -o pipefail; ${work(1)} | true`)).toMatchObject({ code: 141 });
  });

  test.runIf(process.platform === "linux")("whose output is on a full disk saves and ends with 1", async () => {
    const { code, err } = await sh(`${work(1000)} > /dev/full`);
    expect(code).toBe(1);
    expect(err).toContain("cannot write to standard output: the disk is full; stopping");
    expect(err).toMatch(/\nsaved\n$/);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test.each([
    ["INT", 130],
    ["TERM", 143],
    ["HUP", 129],
  ])("that keeps nothing ends at once by SIG%s, and tidies up", async (signal, expected) => {
    const output = join(folder, `output-${signal}`);
    const script = `${work(0, -1)} >${output} & until [ -s ${output} ]; do sleep 0.05; done; kill -${signal} $!; wait $!`;
    expect(await sh(script)).toEqual({ code: expected, err: `tidied up, exit code ${expected}\n` });
  });

  test("that is asked a second time ends at once", async () => {
    const [started, steps] = [performance.now(), join(folder, "steps")];
    const { code, err } = await sh(
      // By its first step it listens to signals.
      `${work(1000, 60_000)} >${steps} & until [ -s ${steps} ]; do sleep 0.05; done; kill -INT $!; sleep 0.3; kill -TERM $!; wait $!`,
    );
    expect(code).toBe(143);
    expect(err).not.toContain("saved");
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
