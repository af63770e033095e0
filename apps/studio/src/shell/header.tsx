import { type Page, page } from "../parts/route.js";
import { ThemeSwitch } from "../parts/theme.js";

const places: readonly { readonly page: Page; readonly title: string }[] = [
  { page: "segment", title: "Segment" },
  { page: "train", title: "Train" },
  { page: "compare", title: "Compare" },
];

export const Header = () => {
  // A page that looks at the command's run has no other place: it is gone when the run is.
  const live = page.value === "live";
  return (
    <header class="top">
      <a class="brand" href={live ? "#live" : "#segment"}>
        <img src="./icon.svg" alt="" width="26" height="26" />
        <span>Lobule</span>
      </a>
      {!live && (
        <nav aria-label="Places">
          {places.map(({ page: name, title }) => (
            <a key={name} href={`#${name}`} aria-current={page.value === name ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
      )}
      <div class="top-end">
        {!live && (
          <a class="chip" href="#browser" aria-current={page.value === "browser" ? "page" : undefined}>
            This browser
          </a>
        )}
        <ThemeSwitch />
      </div>
    </header>
  );
};
