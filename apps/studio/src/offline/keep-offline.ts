import { signal } from "@preact/signals";
import { sentenceOf } from "../parts/sentence.js";

/** Whether the page works without a network, for the reader. */
export const offline = signal("once it is loaded");

/** Lets the browser keep the page, so that it works without a network. Nothing else depends on it. */
export async function keepOffline(): Promise<void> {
  if (!import.meta.env.PROD) {
    offline.value = "not while it is developed";
    return;
  }
  try {
    await navigator.serviceWorker.register(new URL("./service-worker.js", document.baseURI));
    await navigator.serviceWorker.ready;
    offline.value = "yes";
  } catch (error) {
    offline.value = sentenceOf(error);
  }
}
