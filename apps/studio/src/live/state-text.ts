import type { RunView } from "@lobule/report";
import { sentenceOf } from "../parts/sentence.js";

/** What a run does, or how it ended. */
export function stateText({ state }: RunView): string {
  switch (state.doing) {
    case "preparing":
      return state.total === 0 ? "Preparing the network and its data" : "Reading the cases";
    case "training":
      return "Training";
    case "validating":
      return "Validating the epoch";
    case "measuring":
      return "Measuring the held-out cases for the report";
    case "nothing":
      if (typeof state.ended === "object") return sentenceOf(state.ended.error);
      return endings[state.ended];
  }
}

const endings = {
  "all epochs done": "Trained: all epochs are done",
  "early stopping": "Trained: ended early, since the validation loss no longer fell",
  paused: "Paused; everything so far is saved",
  interrupted: "Paused; everything so far is saved",
} as const;
