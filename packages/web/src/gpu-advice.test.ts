import { describe, expect, test } from "vitest";
import { familyOf, gpuAdvice } from "./gpu-advice.js";

const agents = {
  chromeWindows:
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0 Safari/537.36",
  edgeWindows:
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
  chromeLinux: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
  chromeAndroid:
    "Mozilla/5.0 (Linux; Android 13; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
  chromeOs:
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0 Safari/537.36",
  firefoxWindows: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
  firefoxMac: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0",
  firefoxLinux: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
  safariMac:
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
  chromeIos:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0 Mobile/15E148 Safari/604.1",
} as const;

describe("a page that cannot compute says what to do", () => {
  test.each<[keyof typeof agents, RegExp]>([
    ["chromeWindows", /version 113 or newer/],
    ["edgeWindows", /version 113 or newer/],
    ["chromeOs", /version 113 or newer/],
    ["chromeLinux", /chrome:\/\/flags, turn on Unsafe WebGPU Support and Vulkan/],
    ["chromeAndroid", /version 121 or newer, on Android 12/],
    ["firefoxWindows", /Firefox to version 141/],
    ["firefoxMac", /Firefox to version 145/],
    ["firefoxLinux", /about:config, set dom\.webgpu\.enabled to true/],
    ["safariMac", /Safari 26/],
    ["chromeIos", /iOS 26/],
  ])("without WebGPU: %s", (agent, what) => {
    const text = gpuAdvice("no WebGPU", agents[agent], true);
    expect(text).toMatch(/^this browser has no WebGPU; /);
    expect(text).toMatch(what);
  });

  test.each<[keyof typeof agents, RegExp]>([
    ["chromeWindows", /turn on graphics acceleration.*chrome:\/\/gpu/],
    ["chromeLinux", /chrome:\/\/flags/],
    ["firefoxWindows", /about:support/],
    ["safariMac", /update the system/],
  ])("without an adapter: %s", (agent, what) => {
    expect(gpuAdvice("no adapter", agents[agent], true)).toMatch(what);
  });

  test("by an address that browsers hide WebGPU from", () => {
    expect(gpuAdvice("no WebGPU", agents.chromeWindows, false)).toMatch(/not loaded by https or from localhost/);
  });

  test("and guesses nothing where it knows neither browser nor system", () => {
    expect(familyOf("curl/8")).toEqual({ browser: "another browser", system: "another system" });
    expect(gpuAdvice("no WebGPU", "curl/8", true)).toMatch(/use a current Chrome, Edge, Firefox or Safari/);
  });
});
