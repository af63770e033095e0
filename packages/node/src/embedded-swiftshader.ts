import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { makeFolder, writeFileAtomically } from "@lobule/data";
import { extract } from "tar-stream";
import { cacheFolder } from "./cache-folder.js";

/** SwiftShader and a Vulkan loader, unpacked and verified. */
export interface EmbeddedSwiftShader {
  /** The loader, `libvulkan.so.1`. */
  readonly loader: string;
  /** The driver's manifest. */
  readonly manifest: string;
}

/** The files that are used of the archive, with their SHA-256: a file that differs is not loaded. */
const digests: Readonly<Record<string, string>> = {
  "libvk_swiftshader.so": "5b9e8591c7c2d1c9618c3ad485d0cdffb81f5f1ffd6a982fdb6578c2d8d3213e",
  "libvulkan.so.1": "fe17a77c1f2df38d3b6a935140f746fd80aac564bb44eb3e4f6b75a504295a41",
  "vk_swiftshader_icd.json": "c9eef28b6b984fec220ef0abfecc40b502d46946706e47bfe97707027cb818bd",
};

/** The folder's name follows from its contents, so that another version lies beside it. */
const folderName = `swiftshader-${createHash("sha256").update(Object.values(digests).join()).digest("hex").slice(0, 12)}`;

const isIntact = async (folder: string): Promise<boolean> => {
  try {
    for (const [name, digest] of Object.entries(digests)) {
      const bytes = await readFile(join(folder, name));
      if (createHash("sha256").update(bytes).digest("hex") !== digest) return false;
    }
    return true;
  } catch {
    return false;
  }
};

/** Writes the used files of `@sparticuz/chromium`'s archive into `folder`. */
async function unpackInto(folder: string): Promise<void> {
  const entry = createRequire(import.meta.url).resolve("@sparticuz/chromium");
  const archive = await readFile(join(dirname(entry), "..", "..", "bin", "swiftshader.tar.br"));
  const files = extract();
  files.end(await promisify(brotliDecompress)(archive));
  for await (const file of files) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of file) chunks.push(chunk as Uint8Array);
    if (file.header.name in digests) {
      await writeFileAtomically(join(folder, file.header.name), Buffer.concat(chunks), { mode: 0o700 });
    }
  }
}

/**
 * The software adapter that arrives with npm. Unpacked on first use into the user's cache folder, each file as
 * a whole, so that processes that start together never see half of one.
 * @throws Error when this machine is not Linux on x64, or the cache folder cannot be written.
 */
export async function embeddedSwiftShader(): Promise<EmbeddedSwiftShader> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`the embedded one is for Linux on x64, this is ${process.platform} on ${process.arch}`);
  }
  const cache = await cacheFolder();
  const folder = join(cache, folderName);
  if (!(await isIntact(folder))) {
    await makeFolder(folder, 0o700);
    await unpackInto(folder);
    if (!(await isIntact(folder))) throw new Error("the archive of @sparticuz/chromium is not the expected one");
  }
  return { loader: join(folder, "libvulkan.so.1"), manifest: join(folder, "vk_swiftshader_icd.json") };
}
