import { fileURLToPath } from "node:url";

/** The built page of the studio: a folder beside that of this program, here and in the bundle. */
export const pageFolder = fileURLToPath(new URL("../studio/", import.meta.url));
