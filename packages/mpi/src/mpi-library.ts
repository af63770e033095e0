import { basename } from "node:path";
import koffi, { type LibraryHandle } from "koffi";
import { MpiError } from "./launched.js";

/** What a handle of MPI is in an implementation: a number, or an address. */
type Handle = unknown;

/** How an implementation stores handles and what its constants are. */
interface Implementation {
  readonly name: string;
  /** Files that the loader may know it by. */
  readonly files: readonly string[];
  /** Type of handles in C. */
  readonly handle: "int" | "void *";
  readonly handleBytes: 4 | 8;
  constants(library: LibraryHandle): { readonly world: Handle; readonly byte: Handle; readonly returnErrors: Handle };
  readonly ignoreStatus: bigint | null;
  /** MPI_THREAD_FUNNELED. */
  readonly funneled: number;
}

const openMpi: Implementation = {
  name: "Open MPI",
  files: ["libmpi.so.40", "libmpi.so.80"],
  handle: "void *",
  handleBytes: 8,
  // Handles are the addresses of these variables.
  constants: (library) => ({
    world: library.symbol("ompi_mpi_comm_world"),
    byte: library.symbol("ompi_mpi_byte"),
    returnErrors: library.symbol("ompi_mpi_errors_return"),
  }),
  ignoreStatus: null,
  funneled: 1,
};

const mpich: Implementation = {
  name: "MPICH",
  files: ["libmpich.so.12", "libmpi.so.12"],
  handle: "int",
  handleBytes: 4,
  // From its mpi.h, the same since version 3.1 by the MPICH ABI Compatibility Initiative.
  constants: () => ({ world: 0x44000000, byte: 0x4c00010d, returnErrors: 0x54000001 }),
  ignoreStatus: 1n,
  funneled: 1,
};

/** Whatever is behind it. Source: MPI 5.0, chapter 20 and its annex A, as in the MPI Forum's mpi.h. */
const standard: Implementation = {
  name: "the standard ABI of MPI",
  files: ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so"],
  handle: "void *",
  handleBytes: 8,
  constants: () => ({ world: 0x101n, byte: 0x247n, returnErrors: 0x143n }),
  ignoreStatus: null,
  funneled: 1024,
};

/** A request under way: its handle is kept where MPI changes it. */
export interface MpiRequest {
  readonly handle: Uint8Array;
  /** What is sent or received; MPI uses its memory until the request is done. */
  readonly bytes: Uint8Array;
}

/** The calls of MPI that move bytes, for the thread that opened it. */
export class MpiLibrary {
  readonly rank: number;
  readonly size: number;
  /** Name and version, one line. */
  readonly version: string;

  private constructor(
    private readonly implementation: Implementation,
    private readonly calls: ReturnType<typeof functionsOf>,
    private readonly world: Handle,
    private readonly byte: Handle,
  ) {
    const number = new Int32Array(1);
    this.check("MPI_Comm_rank", calls.rank(world, number));
    this.rank = number[0] ?? 0;
    this.check("MPI_Comm_size", calls.size(world, number));
    this.size = number[0] ?? 1;
    this.version = `${implementation.name} (${versionOf(calls)})`;
  }

  /**
   * Loads MPI and joins its world.
   * @param wanted a library file, or undefined for the implementation whose launcher's variables are in `environment`.
   * @throws MpiError where it is not installed, or is none of the implementations that are known.
   */
  static open(wanted: string | undefined, environment: Readonly<Record<string, string | undefined>>): MpiLibrary {
    const { library, implementation } = load(wanted, environment);
    const calls = functionsOf(library, implementation.handle);
    const { world, byte, returnErrors } = implementation.constants(library);
    const provided = new Int32Array(1);
    // This thread alone calls MPI.
    if (calls.init(null, null, implementation.funneled, provided) !== 0)
      throw new MpiError(`${implementation.name} could not be started`);
    calls.setErrorHandler(world, returnErrors);
    return new MpiLibrary(implementation, calls, world, byte);
  }

  /** Begins to send bytes, which must not change until that is done. */
  send(bytes: Uint8Array, to: number, tag: number): MpiRequest {
    return this.begin("MPI_Isend", this.calls.send, bytes, to, tag);
  }

  /** Begins to receive as many bytes as there is room for. */
  receive(bytes: Uint8Array, from: number, tag: number): MpiRequest {
    return this.begin("MPI_Irecv", this.calls.receive, bytes, from, tag);
  }

  /** Whether a request is done; MPI moves its bytes meanwhile. */
  isDone({ handle }: MpiRequest): boolean {
    const flag = new Int32Array(1);
    this.check("MPI_Test", this.calls.test(handle, flag, this.implementation.ignoreStatus));
    return flag[0] !== 0;
  }

  /** Gives up a receive that is not done. */
  cancel({ handle }: MpiRequest): void {
    this.calls.cancel(handle);
    this.calls.free(handle);
  }

  /** Ends all processes of the world. */
  abort(code: number): void {
    this.calls.abort(this.world, code);
  }

  finalize(): void {
    this.calls.finalize();
  }

  private begin(
    name: string,
    call: ReturnType<typeof functionsOf>["send"],
    bytes: Uint8Array,
    peer: number,
    tag: number,
  ): MpiRequest {
    const handle = new Uint8Array(new SharedArrayBuffer(this.implementation.handleBytes));
    this.check(name, call(bytes, bytes.length, this.byte, peer, tag, this.world, handle));
    return { handle, bytes };
  }

  /** @throws MpiError when a call failed. */
  private check(name: string, code: number): void {
    if (code === 0) return;
    const text = new Uint8Array(1024);
    const length = new Int32Array(1);
    this.calls.errorString(code, text, length);
    throw new MpiError(`${name} failed: ${new TextDecoder().decode(text.subarray(0, length[0] ?? 0))}`);
  }
}

function functionsOf(library: LibraryHandle, handle: Implementation["handle"]) {
  const transfer = `(void *buffer, int count, ${handle} type, int peer, int tag, ${handle} world, void *request)`;
  return {
    init: library.func("int MPI_Init_thread(void *count, void *words, int required, void *provided)"),
    rank: library.func(`int MPI_Comm_rank(${handle} world, void *rank)`),
    size: library.func(`int MPI_Comm_size(${handle} world, void *size)`),
    setErrorHandler: library.func(`int MPI_Comm_set_errhandler(${handle} world, ${handle} handler)`),
    errorString: library.func("int MPI_Error_string(int code, void *text, void *length)"),
    version: library.func("int MPI_Get_library_version(void *text, void *length)"),
    send: library.func(`int MPI_Isend${transfer}`),
    receive: library.func(`int MPI_Irecv${transfer}`),
    test: library.func("int MPI_Test(void *request, void *flag, void *status)"),
    cancel: library.func("int MPI_Cancel(void *request)"),
    free: library.func("int MPI_Request_free(void *request)"),
    abort: library.func(`int MPI_Abort(${handle} world, int code)`),
    finalize: library.func("int MPI_Finalize()"),
  };
}

function versionOf({ version }: ReturnType<typeof functionsOf>): string {
  const text = new Uint8Array(16_384);
  const length = new Int32Array(1);
  version(text, length);
  const words = new TextDecoder().decode(text.subarray(0, length[0] ?? 0)).replace(/\0.*/s, "");
  return words.split(/[\n,]/)[0]?.replaceAll(/\s+/g, " ").trim() ?? "";
}

/** The implementation that a launcher's variables speak of comes first. */
function candidates(environment: Readonly<Record<string, string | undefined>>): readonly Implementation[] {
  const isMpich = environment.OMPI_COMM_WORLD_SIZE === undefined && environment.PMI_SIZE !== undefined;
  return isMpich ? [mpich, openMpi, standard] : [openMpi, mpich, standard];
}

function load(
  wanted: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly library: LibraryHandle; readonly implementation: Implementation } {
  const files =
    wanted === undefined ? candidates(environment).flatMap((each) => each.files.map((file) => file)) : [wanted];
  const failures: string[] = [];
  for (const file of files) {
    try {
      // Open MPI's plugins look for its symbols among those of the whole process. What is behind the standard ABI may
      // have functions of the same names, which must not take each other's place.
      const library = koffi.load(file, { global: !isStandard(file) });
      return { library, implementation: implementationOf(library, file) };
    } catch (error) {
      if (error instanceof MpiError) throw error;
      failures.push(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
    }
  }
  throw new MpiError(
    wanted === undefined
      ? "no MPI library was found (Open MPI, MPICH, or one with the standard ABI); install one, as by apt-get install openmpi-bin, or name its file by LOBULE_MPI"
      : `the MPI library ${wanted}, which LOBULE_MPI names, cannot be loaded: ${failures.join("; ")}`,
  );
}

/** Whether a library has the standard ABI: the standard prescribes its name. */
const isStandard = (file: string): boolean => /^libmpi_abi\b/.test(basename(file));

/** What a library is. */
function implementationOf(library: LibraryHandle, file: string): Implementation {
  // Symbols of the implementation behind it may be found there too.
  if (isStandard(file)) return standard;
  const has = (name: string): boolean => {
    try {
      library.symbol(name);
      return true;
    } catch {
      return false;
    }
  };
  const found = has("ompi_mpi_comm_world") ? openMpi : has("MPIX_Comm_agree") ? mpich : undefined;
  if (found !== undefined) return found;
  throw new MpiError(
    `${file} is neither Open MPI nor MPICH, nor named libmpi_abi as what has the standard ABI; name another library by LOBULE_MPI`,
  );
}
