import { signal } from "@preact/signals";

/** The places of the studio, and pages that are reached from them. */
const pages = ["segment", "train", "compare", "browser", "live"] as const;
export type Page = (typeof pages)[number];

const pageOf = (hash: string): Page => pages.find((page) => hash === `#${page}`) ?? "segment";

/** The page that the address names after "#". */
export const page = signal<Page>(pageOf(location.hash));

addEventListener("hashchange", () => {
  page.value = pageOf(location.hash);
});
