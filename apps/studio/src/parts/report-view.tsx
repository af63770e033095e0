import { embeddedStyle } from "@lobule/report";
import { useEffect, useRef } from "preact/hooks";
import { theme } from "./theme.js";

/** Where a page of the report package has its style sheet. */
const styleElement = /<style>[^<]*<\/style>/;

let sheet: CSSStyleSheet | undefined;

/** The style sheet of reports, made once. */
const look = (): CSSStyleSheet => {
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(embeddedStyle.replaceAll("main{", ".main{"));
  }
  return sheet;
};

/**
 * A page of the report package within the studio. Its style sheet applies to nothing else, and takes the studio's colors,
 * light or dark. The page's policy refuses a style sheet in HTML, so that it is adopted by a script.
 * @param html a whole document that this program has written.
 */
export function ReportView({ html }: { html: string }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (host.current === null) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const page = new DOMParser().parseFromString(html.replace(styleElement, ""), "text/html");
    root.adoptedStyleSheets = [look()];
    root.replaceChildren(...page.body.childNodes);
    // The studio is the document's main part itself.
    for (const main of root.querySelectorAll("main")) {
      const part = document.createElement("div");
      part.className = "main";
      part.replaceChildren(...main.childNodes);
      main.replaceWith(part);
    }
  }, [html]);
  return <div ref={host} class="report" data-theme={theme.value} />;
}
