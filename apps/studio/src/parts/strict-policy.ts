import { config } from "zod";

// The page's policy forbids to compile code, which zod would try, and the browser report. This must be imported first,
// by the workers' script too: what it shares with the page comes before the page's own.
config({ jitless: true });
