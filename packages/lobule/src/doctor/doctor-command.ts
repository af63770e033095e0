import { type AdapterChoice, adapterChoice, listAdapters, type MachineAdapter, openGpu } from "@lobule/node";
import { Device, matrixFeature } from "@lobule/tensor";
import { command } from "../command-line/command.js";
import { flag } from "../command-line/option.js";
import { deviceOption, quietly } from "../shared/open-device.js";
import { sayJson, sayText } from "../shared/output.js";
import { type SelfTest, selfTest } from "./self-test.js";

interface FastPath {
  readonly name: string;
  readonly on: boolean;
  readonly why: string;
}

interface Report {
  readonly adapter: AdapterChoice & { readonly vendor: string; readonly architecture: string };
  /** All of the machine, best first. */
  readonly adapters: readonly MachineAdapter[];
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly fastPaths: readonly FastPath[];
  readonly advice: string;
  readonly selfTest: readonly SelfTest[];
  readonly passed: boolean;
}

const limitNames = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxUniformBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

function matrixPath(features: ReadonlySet<string>, { hasMatrices }: Device): FastPath {
  const missing = features.has(matrixFeature)
    ? "the adapter has some, but no 16×16×16 products of f16 with f32 sums in subgroups of 32, or less than 32 KiB of workgroup memory"
    : `the adapter has no ${matrixFeature}`;
  return {
    name: "matrix units (tensor cores)",
    on: hasMatrices,
    why: hasMatrices ? "for 3×3 convolutions in f16, where --tune finds them right and faster" : missing,
  };
}

function fastPathsOf(features: ReadonlySet<string>, device: Device): FastPath[] {
  const needs = (feature: string, name: string, missing: string): FastPath => ({
    name,
    on: features.has(feature),
    why: features.has(feature) ? `the adapter has ${feature}` : missing,
  });
  return [
    { name: "weights in uniform buffers", on: true, why: "every adapter has them" },
    needs("shader-f16", "f16 storage", "the adapter has no shader-f16; f32 is used"),
    needs("timestamp-query", "profiling by dispatch", "the adapter has no timestamp-query"),
    needs("subgroups", "subgroup operations", "the adapter has no subgroups; workgroup memory is used"),
    matrixPath(features, device),
  ];
}

const adviceFor = (kind: AdapterChoice["kind"]): string =>
  ({
    gpu: "This is a GPU: nothing faster to install.",
    lavapipe: "This is a software adapter. For real training use a machine with a GPU and its Vulkan driver.",
    swiftshader:
      "This is the slower software adapter. Install a GPU's Vulkan driver, or Mesa's lavapipe 24 or newer (on Debian 12: mesa-vulkan-drivers of bookworm-backports), about three times as fast.",
    software: "This is a software adapter. Install a GPU's Vulkan driver.",
    null: "This adapter computes nothing; it is for measuring what is around the kernels. Leave out LOBULE_ADAPTER.",
  })[kind];

async function examine(): Promise<Report> {
  const { adapter, device } = await quietly(async () => {
    const gpu = await openGpu();
    return { adapter: await gpu.requestAdapter(), device: await Device.open(gpu, { validate: true }) };
  });
  const choice = await adapterChoice();
  const adapters = await quietly(listAdapters);
  try {
    const tests = await selfTest(device);
    const features = new Set<string>(adapter?.features ?? device.gpu.features);
    return {
      adapter: { ...choice, vendor: device.adapterInfo.vendor, architecture: device.adapterInfo.architecture },
      adapters,
      features: [...features].sort(),
      limits: Object.fromEntries(limitNames.map((name) => [name, device.gpu.limits[name]])),
      fastPaths: fastPathsOf(features, device),
      advice: adviceFor(choice.kind),
      selfTest: tests,
      passed: tests.every(({ passed }) => passed),
    };
  } finally {
    device.destroy();
  }
}

/** Breaks a list of words into lines of at most 76 characters. */
function wrapped(words: readonly string[], indent: string): string {
  const lines = [indent];
  for (const word of words) {
    if (`${lines.at(-1)}${word}`.length > 76) lines.push(indent);
    lines[lines.length - 1] += `${word} `;
  }
  return lines.map((line) => line.trimEnd()).join("\n");
}

function asText({ adapter, adapters, features, limits, fastPaths, advice, selfTest: tests, passed }: Report): string {
  return [
    `Adapter   ${adapter.name}`,
    `          ${adapter.kind}; Vulkan loader: ${adapter.loader}`,
    ...adapter.passedOver.flatMap(({ kind, why }) => wrapped(`not ${kind}: ${why}`.split(" "), "          ")),
    ...(adapters.length === 0 ? [] : ["", "Adapters of this machine (--device)"]),
    ...adapters.map(
      ({ request, name, memory, pci }) =>
        `  ${request.padEnd(12)} ${name}, ${(memory / 2 ** 30).toFixed(1)} GiB${pci === null ? "" : `, ${pci}`}`,
    ),
    "",
    "Features",
    wrapped(features, "  "),
    "",
    "Limits",
    ...Object.entries(limits).map(
      ([name, value]) => `  ${name.padEnd(36)} ${value.toLocaleString("en-US").padStart(16)}`,
    ),
    "",
    "Fast paths",
    ...fastPaths.map(({ name, on, why }) => `  ${on ? "on " : "off"} ${name.padEnd(28)} ${why}`),
    "",
    "Self-test (relative error against float64)",
    ...tests.map(
      ({ name, error, limit, passed: ok }) =>
        `  ${ok ? "ok  " : "FAIL"} ${name.padEnd(28)} ${error.toExponential(1)} of ${limit}`,
    ),
    "",
    wrapped(advice.split(" "), ""),
    passed ? "All well." : "The self-test failed: results of this adapter cannot be trusted.",
  ].join("\n");
}

/** `lobule doctor`: the adapter, what it can do, and whether it computes right. */
export const doctorCommand = command({
  name: "doctor",
  describe: "Show the adapter, what it can do, and whether it computes right",
  options: { json: flag("print the report as JSON"), device: deviceOption },
  examples: [["doctor", "which adapter is used and why"]],
  run: async ({ json }) => {
    const report = await examine();
    if (json) sayJson(JSON.stringify(report, null, 2));
    else sayText(asText(report));
    if (!report.passed) process.exitCode = 1;
  },
});
