import { emptyView, type RunEvent, type RunView, viewAfter } from "@lobule/report";
import { signal } from "@preact/signals";

/** The run that the server of this page trains, as far as it is known. */
export const watched = signal<RunView>(emptyView);

/** Whether its server answers. */
export const connection = signal<"opening" | "open" | "lost">("opening");

/**
 * Watches the run of the server that the page came from.
 * @returns ends it.
 */
export function watchRun(): () => void {
  const source = new EventSource(new URL("./live", document.baseURI));
  // What the server sends is its own: the page and it are of one version.
  source.addEventListener("view", ({ data }) => {
    watched.value = JSON.parse(data) as RunView;
    connection.value = "open";
  });
  source.addEventListener("change", ({ data }) => {
    watched.value = viewAfter(watched.value, JSON.parse(data) as RunEvent);
  });
  source.addEventListener("error", () => {
    connection.value = "lost";
  });
  return () => source.close();
}
