/** Why a page cannot compute: the browser has no WebGPU, or WebGPU has no adapter for it. */
export type NoGpu = "no WebGPU" | "no adapter";

/** What tells browsers and systems apart, as far as that decides what to do. */
interface Family {
  readonly browser: "Chrome" | "Firefox" | "Safari" | "another browser";
  readonly system: "Windows" | "macOS" | "iOS" | "Android" | "ChromeOS" | "Linux" | "another system";
}

/** Browser and system of a user agent's text. */
export function familyOf(userAgent: string): Family {
  const ios = /iPhone|iPad|iPod/.test(userAgent);
  const systems = [
    ["Windows", /Windows/],
    ["Android", /Android/],
    ["ChromeOS", /CrOS/],
    ["macOS", /Macintosh/],
    ["Linux", /Linux|X11/],
  ] as const;
  const system = ios ? "iOS" : (systems.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? "another system");
  // Each names those before it, and on iOS all are Safari inside.
  if (ios) return { browser: "Safari", system };
  if (/Firefox\//.test(userAgent)) return { browser: "Firefox", system };
  if (/Chrome\/|Chromium\//.test(userAgent)) return { browser: "Chrome", system };
  return { browser: /Safari\//.test(userAgent) ? "Safari" : "another browser", system };
}

const chromeFlags =
  "open chrome://flags, turn on Unsafe WebGPU Support and Vulkan, and start the browser again (chrome://gpu says what is missing)";

/** Where there is no WebGPU at all. Versions: those in which each browser turned it on by default. */
function withoutWebGpu({ browser, system }: Family): string {
  if (browser === "Firefox") {
    if (system === "Windows") return "update Firefox to version 141 or newer";
    if (system === "macOS") return "update Firefox to version 145 or newer and macOS to 26, or use Chrome";
    return "open about:config, set dom.webgpu.enabled to true and start Firefox again, or use Chrome";
  }
  if (browser === "Safari")
    return system === "iOS" ? "update to iOS 26 or newer" : "update to Safari 26 or newer, or use Chrome";
  if (browser === "Chrome") {
    if (system === "Linux") return `update the browser and, if that is not enough, ${chromeFlags}`;
    if (system === "Android") return "update the browser to version 121 or newer, on Android 12 or newer";
    return "update the browser to version 113 or newer";
  }
  return "use a current Chrome, Edge, Firefox or Safari";
}

/** Where WebGPU is there and finds nothing to compute on. */
function withoutAdapter({ browser, system }: Family): string {
  if (browser === "Chrome")
    return system === "Linux"
      ? `update the driver of the GPU and, if that is not enough, ${chromeFlags}`
      : "update the driver of the GPU, and turn on graphics acceleration in the browser's settings (chrome://gpu says what is missing)";
  if (browser === "Firefox")
    return "update the driver of the GPU, and turn on hardware acceleration in the browser's settings (about:support says what is missing)";
  return "update the system and the browser, or use another computer";
}

/**
 * One sentence about a page that cannot compute, with what to do on its browser and system.
 * @param secure whether the page was loaded by https or from localhost; browsers hide WebGPU from others.
 */
export function gpuAdvice(why: NoGpu, userAgent: string, secure: boolean): string {
  if (!secure) return "this page was not loaded by https or from localhost, so that it gets no WebGPU; load it so";
  const family = familyOf(userAgent);
  return why === "no WebGPU"
    ? `this browser has no WebGPU; ${withoutWebGpu(family)}`
    : `the browser's WebGPU finds no adapter to compute on; ${withoutAdapter(family)}`;
}
