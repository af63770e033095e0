import { refreshRuns } from "../engine/run-list.js";
import { quickEngine } from "../engine/start-engine.js";
import { note } from "../parts/notices.js";
import { loadModels, model, models, showScans, working } from "../segment/segment-state.js";

/** Opens the run or the scan that the command was started with, once: the address names it by a token. */
export async function openGiven(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const token = query.get("given");
  if (token === null) return;
  query.delete("given");
  const rest = query.size === 0 ? "" : `?${query}`;
  history.replaceState(null, "", `${location.pathname}${rest}${location.hash}`);
  const address = new URL(`./given/${encodeURIComponent(token)}/`, document.baseURI).href;
  const received = await working({ label: "Reading what the command brings", share: undefined, detail: "" }, () =>
    quickEngine().receiving.take(address),
  );
  if (received === undefined) return;
  const { kind, path, name, known } = received;
  if (kind === "scan") {
    await showScans([{ path, name }]);
    return;
  }
  await refreshRuns();
  await loadModels();
  model.value = models.value.find((each) => each.path === path) ?? model.value;
  note(
    known
      ? `The run ${name} is in this browser already, as far as it is trained.`
      : `The run ${name} was copied into this browser; scans are segmented with it, and Train and Compare list it.`,
  );
}
