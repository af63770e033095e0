import { columns, textWidth, visibleText } from "@lobule/data";
import { showStatus, statusColumns, warn } from "./output.js";
import { partsThatFit } from "./text.js";

/** A line of progress: a bar on a terminal, now and then a plain line elsewhere. */
export interface Progress {
  /** @param details shown behind the bar, the most important first; those that do not fit are left out whole. */
  update(done: number, total: number, ...details: readonly string[]): void;
  end(): void;
}

/** Seconds between two plain lines. */
const plainInterval = 10;

/** @param label what is going on, at most 14 characters. */
export function progress(label: string): Progress {
  return process.stderr.isTTY ? barProgress(label) : plainProgress(label);
}

const widths = { most: 16, least: 6 };

/** A bar with what it counts and as many details as fit. */
export function barLine(label: string, done: number, total: number, details: readonly string[], width: number): string {
  const counts = `${done}/${total}`;
  const rest = partsThatFit(
    details.filter((each) => each !== "").map(visibleText),
    width - label.length - counts.length - widths.least - 4,
  );
  const room = width - label.length - counts.length - textWidth(rest) - 4;
  const length = Math.max(0, Math.min(widths.most, room));
  const filled = total > 0 ? Math.round((length * Math.min(done, total)) / total) : 0;
  return `${label} ${"■".repeat(filled)}${"─".repeat(length - filled)} ${counts}  ${rest}`.trimEnd();
}

function barProgress(label: string): Progress {
  return {
    update: (done, total, ...details) => showStatus(barLine(label, done, total, details, statusColumns())),
    end: () => showStatus(""),
  };
}

function plainProgress(label: string): Progress {
  let last = 0;
  return {
    update(done, total, ...details) {
      const now = performance.now() / 1000;
      if (now - last < plainInterval && done < total) return;
      last = now;
      warn(partsThatFit([`${label} ${done}/${total}`, ...details.filter((each) => each !== "")], columns));
    },
    end() {},
  };
}
