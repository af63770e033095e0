import { config } from "zod";

// The page's policy forbids to compile code, which zod would try, and the browser report. This must be imported first.
config({ jitless: true });
