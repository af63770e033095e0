import { defineConfig } from "vite";
import { oneWorker, withoutOwnModules, workersShareChunks } from "./lean-build.js";
import { precache } from "./precache.js";

/** A static page: every path is relative, so that any server and any folder of it will do. */
export default defineConfig({
  base: "./",
  // Preact's own runtime takes the place of a plugin.
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [oneWorker, workersShareChunks, withoutOwnModules, precache],
  build: {
    target: "es2023",
    // The package of the command takes the page with it.
    outDir: "../../packages/lobule/studio",
    emptyOutDir: true,
    // A data: address of an asset would be refused by the page's policy.
    assetsInlineLimit: 0,
    // The viewer is large and loaded once it is looked at.
    chunkSizeWarningLimit: 2500,
    // A worker has no document to preload into, so only the page's own script brings along what it needs.
    modulePreload: {
      polyfill: false,
      resolveDependencies: (_, scripts, { hostType }) => (hostType === "html" ? scripts : []),
    },
  },
  server: { host: "127.0.0.1" },
  preview: { host: "127.0.0.1" },
});
