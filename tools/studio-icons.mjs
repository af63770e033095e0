// Draws the studio's icon as PNG, in the sizes that an installed page needs, by the Chromium of the browser tests:
//
//   node tools/studio-icons.mjs
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const icons = join(root, "apps/studio/public");
const outfile = join(root, "node_modules/.cache/studio-icons/chromium.mjs");
await build({
  entryPoints: [join(root, "tests/browser/chromium.ts")],
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  outfile,
});
const { launch, unpackChromium } = await import(pathToFileURL(outfile).href);
const folder = await mkdtemp(join(tmpdir(), "lobule-icons-"));
await unpackChromium(folder);
const browser = await launch(folder, join(folder, "profile"));
try {
  const page = await browser.newPage();
  const address = `data:image/svg+xml;base64,${(await readFile(join(icons, "icon.svg"))).toString("base64")}`;
  for (const size of [192, 512]) {
    await page.setViewportSize({ width: size, height: size });
    await page.setContent(
      `<style>body { margin: 0 } img { display: block }</style><img src="${address}" width="${size}" height="${size}">`,
    );
    await page.evaluate("document.images[0].decode()");
    const path = join(icons, `icon-${size}.png`);
    await writeFile(path, await page.screenshot({ omitBackground: true }));
    console.log(path);
  }
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}
