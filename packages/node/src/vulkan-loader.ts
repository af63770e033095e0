import { constants } from "node:os";

/** Of `dlopen`: the library stays loaded though Node closes it again. */
const keepLoaded = 0x1000;

/**
 * Loads a Vulkan loader into the process, so that Dawn's own `dlopen("libvulkan.so.1")` finds it loaded.
 *
 * Node offers `dlopen` for its add-ons only: it opens the library, finds no add-on in it and throws. The library has
 * then been loaded all the same, which its message tells apart from a library that could not be opened.
 */
export function loadVulkanLoader(path: string): boolean {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | keepLoaded);
    return true;
  } catch (error) {
    return error instanceof Error && /did not self-register/.test(error.message);
  }
}
