import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, join } from "node:path";

const separated = (list: string | undefined): string[] => (list ?? "").split(delimiter).filter((path) => path !== "");

const filesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
};

/** Where Vulkan loaders look, and the folder that NVIDIA's container tools mount. */
const manifestFolders = (): string[] => {
  const { XDG_CONFIG_HOME, XDG_CONFIG_DIRS, XDG_DATA_HOME, XDG_DATA_DIRS } = process.env;
  const home = homedir();
  return [
    XDG_CONFIG_HOME || join(home, ".config"),
    ...separated(XDG_CONFIG_DIRS || "/etc/xdg"),
    "/etc",
    XDG_DATA_HOME || join(home, ".local", "share"),
    ...separated(XDG_DATA_DIRS || "/usr/local/share:/usr/share"),
    "/usr/local/nvidia/share",
  ].map((folder) => join(folder, "vulkan", "icd.d"));
};

/** The machine's Vulkan driver manifests, those of GPUs and lavapipe's apart. */
export function systemDrivers(): { readonly gpu: readonly string[]; readonly lavapipe: readonly string[] } {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_ADD_DRIVER_FILES } = process.env;
  const named = separated(VK_DRIVER_FILES || VK_ICD_FILENAMES).flatMap((path) =>
    path.endsWith(".json") ? [path] : filesIn(path),
  );
  const found = named.length > 0 ? named : [...separated(VK_ADD_DRIVER_FILES), ...manifestFolders().flatMap(filesIn)];
  const files = [...new Set(found)].filter((path) => path.endsWith(".json") && existsSync(path));
  const isLavapipe = (path: string): boolean => /^lvp_icd/.test(basename(path));
  return { gpu: files.filter((path) => !isLavapipe(path)), lavapipe: files.filter(isLavapipe) };
}

/** Device files of the GPUs that the kernel shows to this process. Asking drivers without one only makes them complain. */
export function gpuDevices(): readonly string[] {
  const shown = (folder: string, name: RegExp): string[] => filesIn(folder).filter((path) => name.test(basename(path)));
  return [...shown("/dev", /^(nvidia\d+|dxg|mali\d*|kgsl-3d0)$/), ...shown("/dev/dri", /^renderD\d+$/)];
}

/** Old loaders know the second name only. */
export const driverVariables = (files: readonly string[] | undefined): Record<string, string> => {
  const list = files?.join(":");
  return list === undefined ? {} : { VK_DRIVER_FILES: list, VK_ICD_FILENAMES: list };
};
