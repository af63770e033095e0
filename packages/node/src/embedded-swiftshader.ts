import { existsSync } from "node:fs";

/** SwiftShader and a Vulkan loader, as files. */
export interface EmbeddedSwiftShader {
  /** The loader, `libvulkan.so.1`. */
  readonly loader: string;
  /** The driver's manifest. */
  readonly manifest: string;
}

/**
 * The software adapter that arrives with npm, in a package of its own for the systems on which it runs.
 * @throws Error when this machine is not Linux on x64, or the package is not installed.
 */
export async function embeddedSwiftShader(): Promise<EmbeddedSwiftShader> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`the embedded one is for Linux on x64, this is ${process.platform} on ${process.arch}`);
  }
  const { driverManifest, vulkanLoader } = await import("@lobule/software-adapter").catch(() => {
    throw new Error("the npm package @lobule/software-adapter is not installed");
  });
  if (!existsSync(driverManifest)) throw new Error(`${driverManifest} is not there; run npm run build`);
  return { loader: vulkanLoader, manifest: driverManifest };
}
