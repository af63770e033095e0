import { gather, gatherFilters, gatherHalves, type PackingKind } from "@lobule/kernels-wgsl";
import { Arena, type Packing } from "../graph/flat-buffer.js";
import { type CallRequest, elementAt, storageOf, type Tensor } from "../graph/tensor.js";
import { Variable, type VariableGroup } from "../graph/variable.js";
import { copy } from "../ops/pointwise.js";
import { type Shape, sizeOf } from "../shape.js";
import type { Call } from "./calls.js";

/** Elements of a bound uniform range: 64 KiB whatever is used of it. */
const uniformRange = 16_384;

/** What repacking asks of the planner. */
interface Host {
  scratch(shape: Shape): Tensor;
  table(data: Uint32Array): Tensor;
  place(tensor: Tensor, arena: Arena, offset: number): void;
  finish(request: CallRequest, label: string): Call;
  /** Adds a call after those that the planner has. */
  add(call: Call): void;
  /** Adds a call that computes a pointwise tensor. */
  addExpression(tensor: Tensor): void;
}

/** The packs of a group's variables, side by side. Each has a table of its own: one list of all would be too long for an array. */
interface GroupPacks {
  readonly group: VariableGroup;
  readonly kind: PackingKind | undefined;
  readonly arena: Arena;
  readonly tables: { readonly offset: number; readonly table: Uint32Array }[];
}

const kernels = { filters: gatherFilters, halves: gatherHalves } as const;
const kernelFor = (kind: PackingKind | undefined) => (kind === undefined ? gather : kernels[kind]);

/** Entries of the table for an element of the pack: two halves are one. */
const entriesOf = (kind: PackingKind | undefined): number => (kind === "halves" ? 2 : 1);

/** Weights in the order in which kernels want them: each asked for once, those of variables repacked by one dispatch. */
export class WeightPacks {
  private readonly packs = new Map<string, Tensor>();
  private readonly groups: GroupPacks[] = [];

  constructor(private readonly host: Host) {}

  packed(sources: readonly Tensor[], name: string, packing: () => Packing): Tensor {
    const bases = sources.map(storageOf);
    const key = `${name} ${bases.map((base) => base.id).join(" ")}`;
    const known = this.packs.get(key);
    if (known !== undefined) return known;
    const { length, source, index, kind } = packing();
    const group = bases[0] instanceof Variable ? bases[0].group : undefined;
    const result = this.host.scratch([length + uniformRange]);
    this.packs.set(key, result);
    if (group !== undefined && bases.every((base) => base instanceof Variable && base.group === group)) {
      const pack = this.packsOf(group, kind);
      const offset = pack.arena.reserve(length);
      this.host.place(result, pack.arena, offset);
      const offsets = bases.flatMap((base) => (base instanceof Variable ? [base.offset] : []));
      const from = (at: number, i: number): number =>
        at === 0xffffffff ? at : at + elementAt(offsets, source?.[i] ?? 0);
      pack.tables.push({ offset, table: index.map(from) });
    } else this.packLoose(bases, result, { length, index, kind, ...(source ? { source } : {}) });
    return result;
  }

  private packsOf(group: VariableGroup, kind: PackingKind | undefined): GroupPacks {
    const known = this.groups.find((each) => each.group === group && each.kind === kind);
    if (known !== undefined) return known;
    const packs = { group, kind, arena: new Arena("packed weights"), tables: [] };
    this.groups.push(packs);
    return packs;
  }

  /** The dispatches at the start of a run, one for each group of variables and each way to pack. */
  calls(): Call[] {
    return this.groups.map((packs) => this.packCall(packs));
  }

  private packLoose(bases: readonly Tensor[], result: Tensor, { length, source, index, kind }: Packing): void {
    const { from, offsets } = this.sideBySide(bases);
    const table = index.map((at, i) => (at === 0xffffffff ? at : at + elementAt(offsets, source?.[i] ?? 0)));
    this.host.add(
      this.host.finish(
        {
          kernel: kernelFor(kind)(length),
          bindings: { source: from, table: this.host.table(table), output: result },
        },
        "pack weights",
      ),
    );
  }

  /** One tensor that holds all of these, each from an offset on. */
  private sideBySide(bases: readonly Tensor[]): { readonly from: Tensor; readonly offsets: readonly number[] } {
    if (bases.length === 1) return { from: elementAt(bases, 0), offsets: [0] };
    const arena = new Arena("weights side by side");
    const offsets = bases.map((base) => {
      const offset = arena.reserve(sizeOf(base.shape));
      const part = copy(base);
      this.host.place(part, arena, offset);
      this.host.addExpression(part);
      return offset;
    });
    const from = this.host.scratch([arena.length]);
    this.host.place(from, arena, 0);
    return { from, offsets };
  }

  private packCall({ group, kind, arena, tables }: GroupPacks): Call {
    const entries = entriesOf(kind);
    const table = new Uint32Array(entries * arena.length).fill(0xffffffff);
    for (const { offset, table: part } of tables) table.set(part, entries * offset);
    const call = this.host.finish(
      {
        kernel: kernelFor(kind)(arena.length),
        bindings: { source: group, table: this.host.table(table), output: arena },
      },
      "pack weights",
    );
    arena.reserve(uniformRange);
    return call;
  }
}
