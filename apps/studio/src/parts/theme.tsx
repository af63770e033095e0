import { effect, signal } from "@preact/signals";

type Theme = "light" | "dark";

const system = matchMedia("(prefers-color-scheme: dark)");
const kept = (): Theme | undefined => {
  const value = localStorage.getItem("theme");
  return value === "light" || value === "dark" ? value : undefined;
};

/** Light or dark: as was chosen here, else as the system has it. */
export const theme = signal<Theme>(kept() ?? (system.matches ? "dark" : "light"));

system.addEventListener("change", ({ matches }) => {
  if (kept() === undefined) theme.value = matches ? "dark" : "light";
});
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

function choose(value: Theme): void {
  localStorage.setItem("theme", value);
  theme.value = value;
}

export const ThemeSwitch = () => {
  const other = theme.value === "dark" ? "light" : "dark";
  return (
    <button type="button" class="quiet icon" aria-label={`Use ${other} colors`} onClick={() => choose(other)}>
      {theme.value === "dark" ? "☀" : "☾"}
    </button>
  );
};
