import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { errorCode, messageOf, readBytes } from "@lobule/data";
import { NoAdapterError, nodeStorage, openGpu } from "@lobule/node";
import { BenchError } from "../bench-error.js";
import { TemporaryFolder } from "../temporary-folder.js";
import { type MachineCode, parseMachineCode } from "./machine-code.js";

const run = promisify(execFile);

/** Generations of AMD GPUs, and how Mesa calls one of each: RDNA2, RDNA3 and RDNA4. */
export const isaFamilies = { navi21: "navi21", navi31: "navi31", gfx12: "gfx1201" } as const;
export type IsaFamily = keyof typeof isaFamilies;

/** A kernel as a GPU's compiler made it. */
export interface CompiledKernel {
  readonly code: MachineCode;
  /** Invocations of a subgroup, and of a workgroup. */
  readonly subgroup: number;
  readonly invocations: number;
  readonly vectorRegisters: number;
  readonly scalarRegisters: number;
  /** Registers that did not fit. */
  readonly spills: number;
  /** Subgroups that a SIMD unit can hold at once. */
  readonly occupancy: number;
  /** Bytes of workgroup memory. */
  readonly workgroupMemory: number;
}

const manifests = ["radeon_icd.json", "radeon_icd.x86_64.json"].map((name) => join("/usr/share/vulkan/icd.d", name));
const program = "radv-isa.c";
/** Where Mesa's drivers leave the SPIR-V of a process, numbered. */
const dumpPath = "MESA_SPIRV_DUMP_PATH";
const sources = [`./${program}`, `../../src/isa/${program}`];

/** Turns WGSL into machine code of a GPU that need not be there. */
export class IsaCompiler {
  private readonly spirv = new Map<string, string>();

  private constructor(
    private readonly folder: TemporaryFolder,
    private readonly manifest: string,
    private readonly device: GPUDevice,
  ) {}

  /**
   * Once a process, and before anything else there opens an adapter: Mesa reads when lavapipe starts where to leave SPIR-V.
   * @throws BenchError saying what this machine lacks.
   */
  static async open(): Promise<IsaCompiler> {
    const manifest = manifests.find((path) => existsSync(path));
    const source = sources
      .map((path) => fileURLToPath(new URL(path, import.meta.url)))
      .find((path) => existsSync(path));
    if (manifest === undefined) throw missing("Mesa's RADV driver (Debian's mesa-vulkan-drivers)");
    if (source === undefined)
      throw missing(`the source of its helper, ${program}; run it from a clone of the repository`);
    const folder = await TemporaryFolder.make("lobule-isa-");
    const { path } = folder;
    try {
      await run("cc", ["-O1", "-o", join(path, "radv-isa"), source, "-lvulkan"]).catch((error: unknown) => {
        throw withoutHelper(error);
      });
      await mkdir(join(path, "spirv"));
      process.env[dumpPath] = join(path, "spirv");
      process.env.MESA_SHADER_CACHE_DISABLE = "true";
      return new IsaCompiler(folder, manifest, await lavapipe());
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  /** @throws BenchError with the compiler's message when one of the texts does not compile. */
  async compile(texts: readonly string[], family: IsaFamily): Promise<CompiledKernel[]> {
    const files: string[] = [];
    for (const text of texts) files.push(await this.toSpirv(text));
    // RADV would leave its own SPIR-V in the same folder, over files of lavapipe's that have the same names.
    const { [dumpPath]: _, ...inherited } = process.env;
    const environment = {
      ...inherited,
      VK_DRIVER_FILES: this.manifest,
      VK_ICD_FILENAMES: this.manifest,
      XDG_RUNTIME_DIR: this.folder.path,
      RADV_FORCE_FAMILY: isaFamilies[family],
      ACO_DEBUG: "perfinfo",
    };
    const { stdout, stderr } = await run(join(this.folder.path, "radv-isa"), files, {
      env: environment,
      maxBuffer: 2 ** 30,
    }).catch((error: unknown) => {
      const said = error instanceof Error ? (/radv-isa: .*/.exec(error.message)?.[0] ?? error.message) : String(error);
      throw new BenchError(`Mesa's compiler for ${family} failed: ${said.slice(0, 500)}; try another --family`);
    });
    const codes = stderr.split(/^#### .*$/m).slice(1);
    const statistics = stdout.trim().split("\n");
    return codes.map((code, i) => readKernel(statistics[i] ?? "", code, family));
  }

  /** The file that lavapipe left when it was given the text. */
  private async toSpirv(text: string): Promise<string> {
    const known = this.spirv.get(text);
    if (known !== undefined) return known;
    const folder = join(this.folder.path, "spirv");
    const before = new Set(await readdir(folder));
    const module = this.device.createShaderModule({ code: text });
    await this.device.createComputePipelineAsync({ layout: "auto", compute: { module } });
    const [file] = (await readdir(folder)).filter((name) => !before.has(name));
    if (file === undefined) throw new BenchError("lavapipe left no SPIR-V; bench isa needs Mesa 25 or newer");
    const path = join(folder, file);
    if (!isWhole(await readBytes(nodeStorage, path, "code"))) {
      throw new BenchError(
        `lavapipe could not write all of a kernel's SPIR-V into ${folder}; free some space, or set TMPDIR to another folder`,
      );
    }
    this.spirv.set(text, path);
    return path;
  }

  async close(): Promise<void> {
    this.device.destroy();
    await this.folder.remove();
  }
}

/** Whether SPIR-V is as long as it was: its last instruction ends a function (OpFunctionEnd, one word). */
export const isWhole = ({ buffer, byteOffset, length }: Uint8Array): boolean =>
  length > 0 && length % 4 === 0 && new DataView(buffer, byteOffset).getUint32(length - 4, true) === 0x00010038;

const missing = (what: string): BenchError =>
  new BenchError(`bench isa compiles kernels for AMD GPUs and needs ${what}`);

/** Why there is no helper: no compiler or not what it needs, or what the compiler says besides, such as of a full disk. */
export function withoutHelper(error: unknown): BenchError {
  const said = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
  if (errorCode(error) === "ENOENT" || /vulkan\/vulkan\.h|-lvulkan/.test(said)) {
    return missing("a C compiler with Vulkan's headers (Debian's gcc and libvulkan-dev)");
  }
  const why =
    said
      .trim()
      .split("\n")
      .find((line) => /error|fail|No space/i.test(line)) ?? messageOf(error);
  return new BenchError(`the C compiler cannot make the helper of bench isa: ${why}`);
}

async function lavapipe(): Promise<GPUDevice> {
  const gpu = await openGpu({ adapter: "lavapipe" }).catch((error: unknown) => {
    throw error instanceof NoAdapterError
      ? missing("lavapipe, Mesa's software adapter, of version 25 or newer")
      : error;
  });
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw missing("lavapipe");
  const { features, limits } = adapter;
  const wanted: GPUFeatureName[] = ["shader-f16", "subgroups"];
  const { maxStorageBuffersPerShaderStage, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = limits;
  return adapter.requestDevice({
    requiredFeatures: wanted.filter((feature) => features.has(feature)),
    requiredLimits: {
      maxStorageBuffersPerShaderStage,
      maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupStorageSize,
    },
  });
}

function readKernel(line: string, code: string, family: IsaFamily): CompiledKernel {
  const found: unknown = JSON.parse(line);
  const statistics = new Map(Object.entries(found ?? {}));
  const of = (name: string): number => {
    const value: unknown = statistics.get(name);
    if (typeof value !== "number")
      throw new BenchError(`this Mesa tells no '${name}'; bench isa needs Mesa 25 or newer`);
    return value;
  };
  const subgroup = of("subgroup");
  return {
    code: parseMachineCode(code, { wide: subgroup === 64, pairs: family !== "navi21" }),
    subgroup,
    invocations: of("invocations"),
    vectorRegisters: of("VGPRs"),
    scalarRegisters: of("SGPRs"),
    spills: of("Spilled VGPRs") + of("Spilled SGPRs"),
    occupancy: of("Subgroups per SIMD"),
    workgroupMemory: of("LDS size"),
  };
}
