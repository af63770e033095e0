import { cutText } from "@lobule/data";
import { Presets, SingleBar } from "cli-progress";
import { warn } from "./output.js";

/** A line of progress: a bar on a terminal, now and then a plain line elsewhere. */
export interface Progress {
  /** @param detail a few words shown behind the bar. */
  update(done: number, total: number, detail?: string): void;
  end(): void;
}

/** Seconds between two plain lines. */
const plainInterval = 10;

/** @param label what is going on, at most 14 characters. */
export function progress(label: string): Progress {
  return process.stderr.isTTY ? barProgress(label) : plainProgress(label);
}

function barProgress(label: string): Progress {
  let bar: SingleBar | undefined;
  return {
    update(done, total, detail = "") {
      // Label, bar, counts and detail fit 80 columns.
      const room = Math.max(0, (process.stderr.columns || 80) - label.length - 40);
      const shown = { detail: cutText(detail, room) };
      if (bar === undefined) {
        bar = new SingleBar(
          {
            format: `${label} {bar} {value}/{total} {detail}`,
            ...{ barsize: 16, hideCursor: true, clearOnComplete: true, stopOnComplete: false, linewrap: false },
          },
          Presets.rect,
        );
        bar.start(total, done, shown);
      } else bar.update(done, shown);
    },
    end() {
      bar?.stop();
      bar = undefined;
    },
  };
}

function plainProgress(label: string): Progress {
  let last = 0;
  return {
    update(done, total, detail = "") {
      const now = performance.now() / 1000;
      if (now - last < plainInterval && done < total) return;
      last = now;
      warn(`${label} ${done}/${total} ${detail}`.trimEnd());
    },
    end() {},
  };
}
