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

  test("no WebGPU, or no adapter, with what to do on this browser and system", async () => {
    const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";
    vi.stubGlobal("navigator", { userAgent });
    await expect(openGpu()).rejects.toThrow("this browser has no WebGPU; open about:config, set dom.webgpu.enabled");
    vi.stubGlobal("navigator", { userAgent, gpu: { requestAdapter: async () => null } });
    await expect(openGpu()).rejects.toThrow("the browser's WebGPU finds no adapter to compute on; update the driver");
    vi.stubGlobal("isSecureContext", false);
    await expect(openGpu()).rejects.toThrow("this page was not loaded by https or from localhost");
  });

  test("no fallback adapter, where there is another", async () => {
    const requestAdapter = async ({ forceFallbackAdapter = false } = {}) => (forceFallbackAdapter ? null : {});
    vi.stubGlobal("navigator", { userAgent: "", gpu: { requestAdapter } });
    await expect(openGpu({ forceFallbackAdapter: true })).rejects.toThrow(
      "has no fallback adapter; ask for another one",
    );
  });
});
