/** A step as the schedule sees it: what it reads and makes, by index of the tensor, and what it costs. */
export interface ScheduledStep {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** Bytes read and written, arithmetic counted as bytes too. */
  readonly cost: number;
  /** Whether it may be run again, later, or not at all where nothing reads what it makes. */
  readonly repeatable: boolean;
}

export interface Schedule {
  readonly steps: readonly ScheduledStep[];
  /** Bytes of each tensor; 0 for those that are kept in any case. */
  readonly bytes: readonly number[];
  /** The step that computes each tensor; undefined where it may not be computed again. */
  readonly maker: readonly (number | undefined)[];
  /** Tensors that are never stored where they are rematerialized: they are computed in the loads, from these. */
  readonly inlined: readonly (readonly number[] | undefined)[];
}

/** Which tensors are rematerialized before each step. */
export type Repeats = readonly ReadonlySet<number>[];

/** A lifetime of a tensor: it has another one each time that it is computed again. */
interface Version {
  readonly tensor: number;
  readonly bytes: number;
  readonly madeBy: number;
  first: number;
  last: number;
  /** Times of reading, rising. */
  readonly reads: number[];
}

export interface Timeline {
  /** What runs when: a step, and the tensor for which it is run again. */
  readonly runs: readonly { readonly step: number; readonly again: number | undefined; readonly before: number }[];
  /** Whether what runs then is of use. */
  readonly needed: readonly boolean[];
  readonly versions: readonly Version[];
  /** Bytes of live tensors at each time. */
  readonly live: readonly number[];
  readonly peak: number;
  readonly cost: number;
}

/** Lifetimes and cost of a schedule in which some tensors are rematerialized. */
export function simulate({ steps, bytes, maker, inlined }: Schedule, repeats: Repeats): Timeline {
  const runs: { step: number; again: number | undefined; before: number }[] = [];
  const versions: Version[] = [];
  const madeThen: number[][] = [];
  const readThen: number[][] = [];
  const current = new Map<number, number>();
  const isInlined = new Set<number>();
  const read = (tensor: number, into: number[]): void => {
    if (isInlined.has(tensor)) for (const each of inlined[tensor] ?? []) read(each, into);
    else {
      const version = current.get(tensor);
      if (version !== undefined && !into.includes(version)) into.push(version);
    }
  };
  const run = (step: number, again: number | undefined, before: number): void => {
    const time = runs.push({ step, again, before }) - 1;
    const { reads, writes } = steps[step] as ScheduledStep;
    const into: number[] = [];
    for (const tensor of reads) read(tensor, into);
    readThen.push(into);
    madeThen.push(
      (again === undefined ? writes : [again]).map((tensor) => {
        const version = { tensor, bytes: bytes[tensor] as number, madeBy: time, first: time, last: time, reads: [] };
        current.set(tensor, versions.push(version) - 1);
        return versions.length - 1;
      }),
    );
  };
  steps.forEach((_, step) => {
    for (const tensor of [...(repeats[step] ?? [])].sort((a, b) => (maker[a] ?? 0) - (maker[b] ?? 0))) {
      if (inlined[tensor] !== undefined) isInlined.add(tensor);
      else run(maker[tensor] as number, tensor, step);
    }
    run(step, undefined, step);
  });

  const needed = neededOf(runs, steps, madeThen, readThen);
  let cost = 0;
  runs.forEach(({ step }, time) => {
    if (needed[time] !== true) return;
    cost += (steps[step] as ScheduledStep).cost;
    for (const index of readThen[time] ?? []) {
      const version = versions[index] as Version;
      version.last = time;
      version.reads.push(time);
    }
  });
  const live = liveOf(
    versions.filter(({ madeBy }) => needed[madeBy] === true),
    runs.length,
  );
  return { runs, needed, versions, live, peak: Math.max(0, ...live), cost };
}

/** Whether what runs at a time is of use: a step that has to run, or one whose tensors are read by what is of use. */
function neededOf(
  runs: Timeline["runs"],
  steps: readonly ScheduledStep[],
  madeThen: readonly (readonly number[])[],
  readThen: readonly (readonly number[])[],
): boolean[] {
  const wanted = new Set<number>();
  const needed: boolean[] = [];
  for (let time = runs.length - 1; time >= 0; time--) {
    const { step, again } = runs[time] as (typeof runs)[number];
    const mayGo = again !== undefined || (steps[step] as ScheduledStep).repeatable;
    needed[time] = !mayGo || (madeThen[time] ?? []).some((version) => wanted.has(version));
    if (needed[time]) for (const version of readThen[time] ?? []) wanted.add(version);
  }
  return needed;
}

/** Bytes of the versions that are live at each of `times`. */
function liveOf(versions: readonly Version[], times: number): number[] {
  const changes = new Float64Array(times + 1);
  for (const { bytes, first, last } of versions) {
    changes[first] = (changes[first] as number) + bytes;
    changes[last + 1] = (changes[last + 1] as number) - bytes;
  }
  let sum = 0;
  return Array.from({ length: times }, (_, time) => {
    sum += changes[time] as number;
    return sum;
  });
}

interface Move {
  readonly before: number;
  readonly tensors: readonly number[];
}

/** What is asked of {@link chooseRepeats}: a peak of live bytes, at a cost that may not be exceeded. */
export interface Goal {
  readonly bytes: number;
  readonly cost: number;
}

/**
 * Chooses what is rematerialized and when, so that the peak live memory is at most `goal.bytes`, or as little above as can
 * be had for `goal.cost` ({@link Timeline.cost}).
 *
 * Greedily: at the time of the peak, each live tensor that is not read then may be given up until it is read next, and
 * computed again before that, where need be together with what it is made from. The move that saves the most for its cost
 * is taken; at the end those that turn out to be superfluous are taken back. Source of the idea: Kirisame et al. 2021,
 * "Dynamic tensor rematerialization"; here the whole step is known beforehand.
 */
export function chooseRepeats(schedule: Schedule, { bytes: target, cost: mostCost }: Goal): Repeats {
  let repeats: Repeats = schedule.steps.map(() => new Set<number>());
  let now = simulate(schedule, repeats);
  const excess = ({ live }: Timeline): number => live.reduce((sum, each) => sum + Math.max(0, each - target), 0);
  while (now.peak > target) {
    let best: { readonly repeats: Repeats; readonly after: Timeline; readonly score: number } | undefined;
    const before = excess(now);
    for (const move of movesAt(schedule, now, repeats)) {
      const moved = withMove(repeats, move);
      const after = simulate(schedule, moved);
      const gain = before - excess(after);
      if (after.peak > now.peak || after.cost > mostCost || gain <= 0) continue;
      const score = gain / Math.max(after.cost - now.cost, 1);
      if (best === undefined || score > best.score) best = { repeats: moved, after, score };
    }
    if (best === undefined) break;
    repeats = best.repeats;
    now = best.after;
  }
  return takeBack(schedule, repeats, Math.max(target, now.peak));
}

const withMove = (repeats: Repeats, { before, tensors }: Move): Repeats =>
  repeats.with(before, new Set([...(repeats[before] ?? []), ...tensors]));

const withoutRepeat = (repeats: Repeats, before: number, tensor: number): Repeats =>
  repeats.with(before, new Set([...(repeats[before] ?? [])].filter((each) => each !== tensor)));

function movesAt(schedule: Schedule, { runs, needed, versions, live, peak }: Timeline, repeats: Repeats): Move[] {
  const { maker, steps, inlined } = schedule;
  const at = live.indexOf(peak);
  const startOf = (step: number): number => runs.findIndex(({ before }) => before === step);
  const covers = (tensor: number, time: number): boolean =>
    versions.some((each) => each.tensor === tensor && needed[each.madeBy] && each.first < time && each.last >= time);
  return versions.flatMap((version) => {
    const { tensor, bytes, madeBy, first, last, reads } = version;
    if (bytes === 0 || needed[madeBy] !== true || first >= at || last <= at || reads.includes(at)) return [];
    const next = reads.find((time) => time > at);
    if (next === undefined || maker[tensor] === undefined) return [];
    const before = (runs[next] as (typeof runs)[number]).before;
    if (repeats[before]?.has(tensor)) return [];
    const alone: Move = { before, tensors: [tensor] };
    const start = startOf(before);
    const all = new Set<number>([tensor]);
    for (const each of all) {
      const from = inlined[each] ?? (steps[maker[each] as number] as ScheduledStep).reads;
      for (const source of from) {
        const gone = (schedule.bytes[source] ?? 0) > 0 && !covers(source, start);
        if (gone && maker[source] !== undefined && !repeats[before]?.has(source)) all.add(source);
      }
    }
    return all.size === 1 ? [alone] : [alone, { before, tensors: [...all] }];
  });
}

/** The repeats without those that can be spared without a higher peak than `allowed`, the dearest tried first. */
function takeBack(schedule: Schedule, repeats: Repeats, allowed: number): Repeats {
  const costOf = (tensor: number): number => schedule.steps[schedule.maker[tensor] ?? -1]?.cost ?? 0;
  const all = repeats.flatMap((set, before) => [...set].map((tensor) => ({ before, tensor })));
  all.sort((a, b) => costOf(b.tensor) - costOf(a.tensor));
  let kept = repeats;
  let { cost } = simulate(schedule, kept);
  for (const { before, tensor } of all) {
    const fewer = withoutRepeat(kept, before, tensor);
    const without = simulate(schedule, fewer);
    if (without.peak > allowed || without.cost > cost) continue;
    kept = fewer;
    cost = without.cost;
  }
  return kept;
}
