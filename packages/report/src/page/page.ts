import { type Html, html, trusted } from "./html.js";
import { style } from "./style.js";

/** A whole HTML document that needs nothing else: no script, no request. */
export const pageOf = (title: string, content: Html): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
<main>
${content}
<footer>Made by Lobule. Research software, not for diagnosis.</footer>
</main>
</body>
</html>
`.text;
