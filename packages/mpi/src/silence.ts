/** Milliseconds of silence that one look can find, however long it was since the last one. */
const mostAtOnce = 1000;

/**
 * How long nothing was heard of a thread or a process. Only time in which somebody listened counts: a listener that a busy or
 * suspended machine kept waiting has missed what was said meanwhile, so a long gap between two looks is no silence.
 */
export class Silence {
  private length = 0;

  /**
   * @param patience milliseconds.
   * @param looked when the listening began, in milliseconds.
   */
  constructor(
    private readonly patience: number,
    private looked: number,
  ) {}

  /** A look at `now`: whether there was silence for longer than the patience. */
  look(now: number, heard: boolean): boolean {
    this.length = heard ? 0 : this.length + Math.min(now - this.looked, mostAtOnce);
    this.looked = now;
    return this.length > this.patience;
  }
}
