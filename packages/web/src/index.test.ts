import { afterEach, describe, expect, test, vi } from "vitest";
import { openGpu, openStorage } from "./index.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("where a browser's part is missing, one sentence says so", () => {
  test("no private file system, as in Node", async () => {
    await expect(openStorage()).rejects.toThrow("this page has no private file system; serve it by https or");
  });

  test("a page, which cannot write files", async () => {
    vi.stubGlobal("FileSystemFileHandle", class {});
    await expect(openStorage()).rejects.toThrow("files can be written in a worker only; call openStorage in a");
  });

  test("a browser that cannot rename files", async () => {
    vi.stubGlobal(
      "FileSystemFileHandle",
      class {
        createSyncAccessHandle() {}
      },
    );
    await expect(openStorage()).rejects.toThrow("this browser cannot give a file its name once it is whole");
  });

  test("no WebGPU, or no adapter", async () => {
    vi.stubGlobal("navigator", {});
    await expect(openGpu()).rejects.toThrow("this page has no WebGPU; use a browser that has it");
    vi.stubGlobal("navigator", { gpu: { requestAdapter: async () => null } });
    await expect(openGpu()).rejects.toThrow("the browser offers no WebGPU adapter");
  });
});
