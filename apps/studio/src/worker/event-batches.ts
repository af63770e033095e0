import type { RunEvent } from "@lobule/report";

/** Milliseconds between two messages to the page, at least. */
const pause = 200;

/** Hands events on several at a time, so that a fast run does not flood the page. */
export class EventBatches {
  private events: RunEvent[] = [];
  private last = Number.NEGATIVE_INFINITY;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private taken: Promise<void> = Promise.resolve();

  constructor(
    private readonly send: (events: readonly RunEvent[]) => Promise<void>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes an event; it is handed on now or a moment later. */
  add(event: RunEvent): void {
    this.events.push(event);
    const wait = this.last + pause - this.now();
    if (wait <= 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), wait);
  }

  /** Hands on what is left, and waits until all was taken: a result goes another way and would overtake it. */
  async end(): Promise<void> {
    this.flush();
    await this.taken;
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.events.length === 0) return;
    const { events } = this;
    this.events = [];
    this.last = this.now();
    // Messages of one port come in their order, so that the last one counts for all.
    this.taken = this.send(events);
  }
}
