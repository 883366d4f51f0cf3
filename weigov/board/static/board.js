// Follows Airflow's theme and language where it is framed by Airflow; without it the browser's own are followed.
"use strict";
(() => {
  const root = document.documentElement;
  const airflow = () => {
    try {
      return window.parent !== window ? window.parent.document.documentElement : null; // same origin only
    } catch {
      return null;
    }
  };
  const stored = (name) => {
    try {
      return window.localStorage.getItem(name) || "";
    } catch {
      return "";
    }
  };
  const theme = () => {
    const outer = airflow();
    const found = outer && ["dark", "light"].find((name) => outer.classList.contains(name));
    const kept = stored("theme"); // Airflow's: light | dark | system
    const wanted = found || (kept === "dark" || kept === "light" ? kept : "");
    if (wanted) root.dataset.theme = wanted;
    else delete root.dataset.theme;
  };
  theme();
  const outer = airflow();
  if (outer) new MutationObserver(theme).observe(outer, { attributes: true, attributeFilter: ["class"] });
  window.addEventListener("storage", theme);

  // Airflow's language, unless one was chosen on the board.
  if (outer && !document.cookie.includes("weigov_lang=")) {
    const wanted = (stored("i18nextLng") || outer.lang || "").slice(0, 2).toLowerCase();
    const here = new URL(window.location.href);
    if ((wanted === "zh" || wanted === "en") && !root.lang.startsWith(wanted) && !here.searchParams.has("lang")) {
      here.searchParams.set("lang", wanted);
      window.location.replace(here);
    }
  }
})();
