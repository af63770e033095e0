import { fileURLToPath } from "node:url";

const pathOf = (name: string): string => fileURLToPath(new URL(`../lib/${name}`, import.meta.url));

/** The Vulkan loader's library. */
export const vulkanLoader: string = pathOf("libvulkan.so.1");

/** The manifest of SwiftShader's Vulkan driver; the driver's library is beside it. */
export const driverManifest: string = pathOf("vk_swiftshader_icd.json");
