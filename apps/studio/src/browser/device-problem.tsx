import { useEffect } from "preact/hooks";
import { page } from "../parts/route.js";
import { askForDevice, device } from "./device-state.js";

/** Says in every place why nothing can be computed, where that is so. */
export function DeviceProblem() {
  useEffect(() => {
    // A page that only looks at a run computes nothing. The first picture of the others does not wait.
    if (page.value !== "live") setTimeout(() => void askForDevice(), 0);
  }, []);
  if (typeof device.value !== "string" || page.value === "browser") return null;
  return (
    <p class="notice problem device-problem" role="alert">
      {device.value}
    </p>
  );
}
