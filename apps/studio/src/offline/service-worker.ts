// Keeps the page where the network is cut. Whole versions are kept: one is loaded completely before it is used, and goes
// only once no tab shows it any more. A newer page comes from the network as soon as there is one.

/** Events of a service worker, which TypeScript knows only where it does not know those of pages. */
interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Asked extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
declare global {
  interface WindowEventMap {
    install: Lasting;
    activate: Lasting;
    fetch: Asked;
  }
}
/** The windows of this worker. */
declare const clients: { claim(): Promise<void> };
/** Paths of the page's files and the digest of all; what builds the page writes them before this script. */
declare const pageFiles: readonly string[];
declare const pageVersion: string;

const own = `page ${pageVersion}`;
const base = new URL("./", location.href);

async function load(): Promise<void> {
  const cache = await caches.open(own);
  // Not those that the browser may have kept of the version before.
  await cache.addAll(pageFiles.map((path) => new Request(new URL(path, base), { cache: "reload" })));
}

async function removeOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith("page ") && name !== own).map((name) => caches.delete(name)),
  );
  // The tab that loaded the page first is served too.
  await clients.claim();
}

async function kept(url: URL): Promise<Response | undefined> {
  return (await caches.open(own)).match(url, { ignoreSearch: true });
}

/** From the network, so that a newer page is seen; from what is kept where there is none. */
async function newest(request: Request, url: URL): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const found = await kept(url);
    if (found === undefined) throw error;
    return found;
  }
}

addEventListener("install", (event) => event.waitUntil(load()));
addEventListener("activate", (event) => event.waitUntil(removeOthers()));
addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const path = url.pathname.slice(base.pathname.length);
  if (!pageFiles.includes(path === "" ? "index.html" : path)) return;
  // The digest is in the name of what is in assets.
  const answer = path.startsWith("assets/")
    ? kept(url).then((found) => found ?? fetch(request))
    : newest(request, path === "" ? new URL("index.html", base) : url);
  event.respondWith(answer);
});
