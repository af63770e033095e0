/** The code of a failed system call or of zlib, such as "ENOSPC". */
export function errorCode(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** An error like the system's, for what has no system: the reason in words is that of the code. */
export const systemError = (code: string): Error => Object.assign(new Error(words[code] ?? code), { code });

const words: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is larger than the system allows",
  EACCES: "permission is denied",
  EPERM: "permission is denied",
  EROFS: "the disk can only be read",
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder",
  ENAMETOOLONG: "the name is too long",
  EEXIST: "something of that name is there already",
  ENOTEMPTY: "the folder is not empty",
  EBUSY: "it is in use",
  EIO: "the disk or its connection fails",
  EMFILE: "too many files are open",
  ELOOP: "its symbolic links lead in a circle",
};

/** Why the system refused, in words. */
export function reason(error: unknown): string {
  return words[errorCode(error) ?? ""] ?? (error instanceof Error ? error.message : String(error));
}

/** What went wrong, for who uses the program: a refusal of the system with its path in words, else the error's message. */
export function messageOf(error: unknown): string {
  const path: unknown = error instanceof Error && "path" in error ? error.path : undefined;
  if (typeof path === "string" && (errorCode(error) ?? "") in words) return `${path}: ${reason(error)}`;
  return error instanceof Error ? error.message : String(error);
}
