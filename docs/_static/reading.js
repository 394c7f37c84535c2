// Help while reading: results of a search that lead to the section, code that can be copied, and
// what an equation or a word of the glossary says, without leaving the place.
(() => {
  "use strict";

  const parse = (text) => new DOMParser().parseFromString(text, "text/html");

  // --- search: the section that has the words, and an excerpt without TeX

  function section(page, words) {
    const inside = [...page.querySelectorAll(".bd-article section[id]")].reverse(); // inner first
    const has = (part) => words.every((word) => part.textContent.toLowerCase().includes(word));
    const found = inside.filter(has);
    return found.find((part) => !found.some((other) => other !== part && part.contains(other)));
  }

  if (typeof Search !== "undefined") {
    Search.makeSearchSummary = (text, keywords) => {
      const page = parse(text);
      const words = [...keywords].map((word) => word.toLowerCase());
      const part = section(page, words) || page.querySelector(".bd-article") || page.body;
      const heading = part.querySelector("h1, h2, h3, h4");
      const title = heading ? heading.textContent.replace(/#$/, "").trim() : "";
      for (const other of part.querySelectorAll("script, style, h1, h2, h3, h4, .launch, .cell_input")) other.remove();
      for (const maths of part.querySelectorAll(".math")) maths.textContent = "\u2026";
      const prose = part.textContent.replace(/\s+/g, " ").trim();
      const at = Math.max(0, Math.min(...words.map((w) => prose.toLowerCase().indexOf(w)).filter((i) => i >= 0)) - 120) || 0;
      const summary = document.createElement("p");
      summary.className = "context";
      summary.textContent = `${at ? "\u2026" : ""}${prose.slice(at, at + 240)}\u2026`;
      setTimeout(() => {
        const link = summary.parentElement && summary.parentElement.querySelector("a");
        if (!link || !part.id || link.href.includes("#") || !title) return;
        link.href += `#${part.id}`;
        link.append(` \u203a ${title}`);
      });
      return summary;
    };
  }

  // --- code

  for (const block of document.querySelectorAll("div.cell_input div.highlight, div.highlight-python div.highlight, div.highlight-bash div.highlight")) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "copy", textContent: "Copy" });
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("pre").textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }

  // --- previews

  const preview = document.createElement("div");
  preview.className = "preview";
  preview.setAttribute("role", "tooltip");
  preview.hidden = true;
  document.body.append(preview);
  const pages = new Map();

  function fetched(link) {
    const url = new URL(link.href);
    const key = url.origin + url.pathname;
    if (key === location.origin + location.pathname) return Promise.resolve(document);
    if (!pages.has(key)) pages.set(key, fetch(key).then((r) => r.text()).then(parse));
    return pages.get(key);
  }

  async function show(link) {
    const page = await fetched(link).catch(() => null);
    const target = page && page.getElementById(decodeURIComponent(new URL(link.href).hash.slice(1)));
    if (!target || !link.matches(":hover, :focus-visible")) return;
    const what = target.matches("dt") ? target.nextElementSibling : target;
    const shown = what.cloneNode(true);
    // A formula that is set is shown as it is; one that is still TeX is set here.
    for (const id of [shown, ...shown.querySelectorAll("[id]")]) id.removeAttribute("id");
    preview.replaceChildren(shown);
    if (window.MathJax && MathJax.typesetPromise && !shown.querySelector("mjx-container")) {
      await MathJax.typesetPromise([preview]);
    }
    const box = link.getBoundingClientRect();
    preview.hidden = false;
    preview.style.left = `${Math.max(8, Math.min(box.left, innerWidth - preview.offsetWidth - 8))}px`;
    preview.style.top = `${box.bottom + scrollY + 6}px`;
  }

  const hide = () => (preview.hidden = true);
  for (const link of document.querySelectorAll('a.equation, a[href*="glossary.html#term-"]')) {
    let timer = null;
    link.addEventListener("pointerenter", () => (timer = setTimeout(() => show(link), 350)));
    link.addEventListener("focus", () => show(link));
    for (const end of ["pointerleave", "blur", "click"]) {
      link.addEventListener(end, () => {
        clearTimeout(timer);
        hide();
      });
    }
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
