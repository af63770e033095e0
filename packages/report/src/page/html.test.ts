import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { html, trusted } from "./html.js";

describe("a template", () => {
  test("escapes text, keeps markup, joins lists, leaves out what is not there", () => {
    const rows = ["<b>", "a & b"].map((name) => html`<li>${name}</li>`);
    expect(html`<ul title="${`"it's"`}">${rows}${null}${undefined}</ul>${0}${trusted("<hr>")}`.text).toBe(
      '<ul title="&quot;it&#39;s&quot;"><li>&lt;b&gt;</li><li>a &amp; b</li></ul>0<hr>',
    );
  });

  test("no text of any kind can become markup or a character that HTML forbids", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const result = html`${text}`.text;
        expect(result).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        expect(result).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/);
      }),
    );
    expect(html`${"a\u0000b\ud800c"}`.text).toBe("a\ufffdb\ufffdc");
  });
});
