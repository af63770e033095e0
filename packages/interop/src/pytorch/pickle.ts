import { type ByteCursor, latin1, utf8Text } from "./byte-cursor.js";
import { PytorchError } from "./pytorch-error.js";

// Pickle is a program for a small machine with a stack. Python's runs whatever functions it names; this one knows none:
// a name stays a name, and a call becomes a record of what was to be called with what.
// Source: Python's Lib/pickletools.py, which documents every opcode.

/** A name of a module and something in it, such as "collections.OrderedDict". It is never looked up. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** Something that Python would have made by a call. Nothing is called. */
export class PickleCall {
  /** What Python would have set its attributes to. */
  state: PickleValue = null;
  /** What Python would have set by key. */
  items: Map<PickleValue, PickleValue> | undefined;

  constructor(
    readonly callee: PickleValue,
    readonly args: PickleValue,
  ) {}
}

/** Something that is kept outside of the pickle, by what stands for it there. */
export class PickleReference {
  constructor(readonly id: PickleValue) {}
}

/** What a pickle holds. Lists, tuples and sets are arrays, dictionaries are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleCall
  | PickleReference;

/** What a value says as a key or a name; structures say nothing, however deep they are nested. */
export const textOf = (value: PickleValue): string =>
  typeof value === "object" && value !== null ? "…" : String(value);

/** What was read of a pickle. */
export interface Pickle {
  readonly value: PickleValue;
  /** In the order in which they stand in it. */
  readonly references: readonly PickleReference[];
}

/** Stands on the stack where a list of arguments begins. */
const mark = Symbol("mark");
type Slot = PickleValue | typeof mark;

/** Bytes of a whole number: no size or offset has more. */
const mostIntegerBytes = 32;

/**
 * Reads one pickle of protocol 0 to 5 and leaves the cursor behind it. Work and memory are in proportion to its bytes,
 * however they are nested: nothing is copied, and nothing is run.
 * @throws PytorchError when it is damaged or uses what state dicts do not: extension codes and buffers outside.
 */
export function readPickle(cursor: ByteCursor): Pickle {
  const machine = new Machine(cursor);
  const value = machine.run();
  return { value, references: machine.references };
}

/** A mark, and what was put on the stack behind it, become one value. */
class Machine {
  private stack: Slot[] = [];
  private readonly memo = new Map<number, PickleValue>();
  readonly references: PickleReference[] = [];

  constructor(private readonly cursor: ByteCursor) {}

  run(): PickleValue {
    for (;;) {
      const at = this.cursor.at;
      const opcode = this.cursor.uint8();
      if (opcode === 0x2e) return this.pop(); // STOP
      if (!this.constant(opcode) && !this.collection(opcode) && !this.object(opcode) && !this.bookkeeping(opcode)) {
        throw new PytorchError(
          `byte ${at} is no instruction of a pickle that holds weights (0x${opcode.toString(16)})`,
        );
      }
    }
  }

  private push(value: Slot): true {
    this.stack.push(value);
    return true;
  }

  private pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined || value === mark) throw damaged("takes a value that is not there");
    return value;
  }

  private top(): PickleValue {
    const value = this.stack.at(-1);
    if (value === undefined || value === mark) throw damaged("changes a value that is not there");
    return value;
  }

  /** What stands behind the last mark, which is taken away too. */
  private popMark(): PickleValue[] {
    const at = this.stack.lastIndexOf(mark);
    if (at < 0) throw damaged("ends a list that was not begun");
    const values = this.stack.splice(at);
    return values.filter((value) => value !== mark);
  }

  /** Opcodes that push what stands in the pickle. */
  private constant(opcode: number): boolean {
    const { cursor } = this;
    switch (opcode) {
      case 0x4e: // NONE
        return this.push(null);
      case 0x88: // NEWTRUE
        return this.push(true);
      case 0x89: // NEWFALSE
        return this.push(false);
      case 0x4b: // BININT1
        return this.push(cursor.uint8());
      case 0x4d: // BININT2
        return this.push(cursor.uint16());
      case 0x4a: // BININT
        return this.push(cursor.int32());
      case 0x8a: // LONG1
        return this.push(integerOf(cursor.take(cursor.uint8())));
      case 0x8b: // LONG4
        return this.push(integerOf(cursor.take(cursor.int32())));
      case 0x49: // INT
        return this.push(intLine(cursor.line()));
      case 0x4c: // LONG
        return this.push(decimal(cursor.line().replace(/L$/, "")));
      case 0x46: // FLOAT
        return this.push(Number(cursor.line()));
      case 0x47: // BINFLOAT
        return this.push(cursor.float64());
      case 0x8c: // SHORT_BINUNICODE
        return this.push(utf8Text(cursor.take(cursor.uint8())));
      case 0x58: // BINUNICODE
        return this.push(utf8Text(cursor.take(cursor.uint32())));
      case 0x8d: // BINUNICODE8
        return this.push(utf8Text(cursor.take(cursor.size64())));
      case 0x56: // UNICODE
        return this.push(cursor.line());
      case 0x53: // STRING
        return this.push(cursor.line().replace(/^(['"])(.*)\1$/, "$2"));
      case 0x55: // SHORT_BINSTRING
        return this.push(latin1(cursor.take(cursor.uint8())));
      case 0x54: // BINSTRING
        return this.push(latin1(cursor.take(cursor.int32())));
      case 0x43: // SHORT_BINBYTES
        return this.push(cursor.take(cursor.uint8()));
      case 0x42: // BINBYTES
        return this.push(cursor.take(cursor.uint32()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.push(cursor.take(cursor.size64()));
      default:
        return false;
    }
  }

  /** Opcodes that make and fill lists, tuples, sets and dictionaries. */
  private collection(opcode: number): boolean {
    switch (opcode) {
      case 0x28: // MARK
        return this.push(mark);
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
      case 0x8f: // EMPTY_SET
        return this.push([]);
      case 0x6c: // LIST
      case 0x74: // TUPLE
      case 0x91: // FROZENSET
        return this.push(this.popMark());
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.push(Array.from({ length: opcode - 0x84 }, () => this.pop()).reverse());
      case 0x7d: // EMPTY_DICT
        return this.push(new Map());
      case 0x64: // DICT
        return this.push(mapOf(this.popMark()));
      case 0x61: // APPEND
        return this.append([this.pop()]);
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        return this.append(this.popMark());
      case 0x73: // SETITEM
        return this.setItems([this.pop(), this.pop()].reverse());
      case 0x75: // SETITEMS
        return this.setItems(this.popMark());
      default:
        return false;
    }
  }

  private append(values: readonly PickleValue[]): true {
    const list = this.top();
    // What is no list is a record of a call, of whose items nothing is needed.
    if (Array.isArray(list)) for (const value of values) list.push(value);
    else if (!(list instanceof PickleCall)) throw damaged("adds to something that is no list");
    return true;
  }

  private setItems(pairs: readonly PickleValue[]): true {
    const target = this.top();
    const map = target instanceof Map ? target : itemsOf(target);
    for (const [key, value] of mapOf(pairs)) map.set(key, value);
    return true;
  }

  /** Opcodes that name classes, call them, and set attributes. */
  private object(opcode: number): boolean {
    const { cursor } = this;
    const call = (callee: PickleValue, args: PickleValue): true =>
      this.push(dictionaryOf(callee, args) ?? new PickleCall(callee, args));
    switch (opcode) {
      case 0x63: // GLOBAL
        return this.push(new PickleGlobal(`${cursor.line()}.${cursor.line()}`));
      case 0x93: {
        // STACK_GLOBAL
        const [name, module] = [this.pop(), this.pop()];
        return this.push(new PickleGlobal(`${textOf(module)}.${textOf(name)}`));
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const args = this.pop();
        return call(this.pop(), args);
      }
      case 0x92: {
        // NEWOBJ_EX
        const [, args] = [this.pop(), this.pop()];
        return call(this.pop(), args);
      }
      case 0x69: {
        // INST
        const callee = new PickleGlobal(`${cursor.line()}.${cursor.line()}`);
        return call(callee, this.popMark());
      }
      case 0x6f: {
        // OBJ
        const [callee = null, ...args] = this.popMark();
        return call(callee, args);
      }
      case 0x62: {
        // BUILD
        const state = this.pop();
        const target = this.top();
        if (target instanceof PickleCall) target.state = state;
        return true;
      }
      case 0x50: // PERSID
        return this.refer(cursor.line());
      case 0x51: // BINPERSID
        return this.refer(this.pop());
      default:
        return false;
    }
  }

  private refer(id: PickleValue): true {
    const reference = new PickleReference(id);
    this.references.push(reference);
    return this.push(reference);
  }

  /** Opcodes of the stack, the memo and the pickle itself. */
  private bookkeeping(opcode: number): boolean {
    const { cursor } = this;
    switch (opcode) {
      case 0x80: {
        // PROTO
        const protocol = cursor.uint8();
        if (protocol > 5)
          throw new PytorchError(`it is a pickle of protocol ${protocol}, and this version knows up to 5`);
        return true;
      }
      case 0x95: // FRAME
        cursor.size64();
        return true;
      case 0x30: // POP
        this.stack.pop();
        return true;
      case 0x31: // POP_MARK
        this.popMark();
        return true;
      case 0x32: // DUP
        return this.push(this.top());
      case 0x70: // PUT
        return this.remember(Number(cursor.line()));
      case 0x71: // BINPUT
        return this.remember(cursor.uint8());
      case 0x72: // LONG_BINPUT
        return this.remember(cursor.uint32());
      case 0x94: // MEMOIZE
        return this.remember(this.memo.size);
      case 0x67: // GET
        return this.recall(Number(cursor.line()));
      case 0x68: // BINGET
        return this.recall(cursor.uint8());
      case 0x6a: // LONG_BINGET
        return this.recall(cursor.uint32());
      default:
        return false;
    }
  }

  private remember(index: number): true {
    this.memo.set(index, this.top());
    return true;
  }

  private recall(index: number): true {
    const value = this.memo.get(index);
    if (value === undefined) throw damaged(`recalls ${index}, which it did not remember`);
    return this.push(value);
  }
}

const damaged = (what: string): PytorchError => new PytorchError(`its pickle is damaged: it ${what}`);

/** What is set by key in something that is no dictionary of the pickle's own. */
function itemsOf(target: PickleValue): Map<PickleValue, PickleValue> {
  if (!(target instanceof PickleCall)) throw damaged("sets an item of something that is no dictionary");
  target.items ??= new Map();
  return target.items;
}

/** The dictionary that a call would make: empty, or of a list of pairs. */
function dictionaryOf(callee: PickleValue, args: PickleValue): Map<PickleValue, PickleValue> | undefined {
  if (!(callee instanceof PickleGlobal) || callee.name !== "collections.OrderedDict" || !Array.isArray(args))
    return undefined;
  const [pairs = []] = args;
  if (!Array.isArray(pairs)) return undefined;
  const map = new Map<PickleValue, PickleValue>();
  for (const pair of pairs) if (Array.isArray(pair)) map.set(pair[0] ?? null, pair[1] ?? null);
  return map;
}

function mapOf(pairs: readonly PickleValue[]): Map<PickleValue, PickleValue> {
  if (pairs.length % 2 !== 0) throw damaged("has a key without a value");
  const map = new Map<PickleValue, PickleValue>();
  for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i] as PickleValue, pairs[i + 1] as PickleValue);
  return map;
}

/** A whole number, two's complement, the least byte first. */
function integerOf(bytes: Uint8Array): number | bigint {
  if (bytes.length > mostIntegerBytes) throw new PytorchError(`it holds a whole number of ${bytes.length} bytes`);
  const value = bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return plain(BigInt.asIntN(8 * bytes.length, value));
}

function decimal(text: string): number | bigint {
  if (!/^[+-]?\d{1,80}$/.test(text)) throw damaged("has a whole number that is none");
  return plain(BigInt(text));
}

/** INT's way to write true and false. */
const intLine = (text: string): boolean | number | bigint =>
  text === "01" ? true : text === "00" ? false : decimal(text);

const plain = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};
