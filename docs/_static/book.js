// Players: pictures with a slider, which need no kernel. Everything else is the theme's.
(function () {
  "use strict";

  function makePlayer(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const image = figure.querySelector("img");
    const controls = figure.querySelector(".player-controls");
    const slider = figure.querySelector("input");
    const output = figure.querySelector("output");
    const caption = figure.querySelector("figcaption");
    const label = figure.querySelector("label").textContent.trim();
    const last = data.pictures.length - 1;

    function show(i) {
      image.src = data.pictures[i];
      output.textContent = i;
      slider.setAttribute("aria-valuetext", `${label} ${i} of ${last}`);
      caption.textContent = data.words[i];
    }

    // So that no picture is late, all are fetched when somebody reaches for the slider.
    function fetchAll() {
      for (const name of data.pictures) new Image().src = name;
    }

    controls.hidden = false;
    show(Number(slider.value));
    slider.addEventListener("input", () => show(Number(slider.value)));
    for (const event of ["focus", "pointerenter"]) {
      slider.addEventListener(event, fetchAll, { once: true });
    }
  }

  // What scrolls within its own box must be reachable by keyboard, and have a name.
  function reachable() {
    const boxes = [
      ["mjx-container", "Formula"],
      [".picture", "Figure"],
      [".pst-scrollable-table-container", "Table"],
      ["div.highlight > pre, .cell_output pre", "Code or output"],
    ];
    for (const [selector, name] of boxes) {
      for (const box of document.querySelectorAll(selector)) {
        const spare = box.matches("mjx-container") ? 4 : 1; // a hat may lean out of its box
        if (box.scrollWidth > box.clientWidth + spare) {
          box.tabIndex = 0;
          box.setAttribute("role", "region");
          box.setAttribute("aria-label", name);
        } else if (box.getAttribute("role") === "region") {
          box.removeAttribute("tabindex");
          box.removeAttribute("role");
          box.removeAttribute("aria-label");
        }
      }
    }
  }

  // Names that the theme leaves out, of the arrows in the list of pages; and labels that hide what
  // is written on a button: of the search, and of the folded set-up cell.
  for (const summary of document.querySelectorAll(".bd-sidebar-primary details > summary")) {
    const page = summary.closest("li").querySelector("a");
    summary.setAttribute("aria-label", `Pages of ${page ? page.textContent.trim() : "this part"}`);
  }
  for (const button of document.querySelectorAll(".search-button-field, details.hide > summary")) {
    button.removeAttribute("aria-label");
  }

  document.querySelectorAll("figure.player").forEach(makePlayer);
  window.addEventListener("load", () => {
    const maths = window.MathJax && window.MathJax.startup && window.MathJax.startup.promise;
    Promise.resolve(maths).then(reachable);
  });
  window.addEventListener("resize", reachable);
  document.addEventListener("toggle", reachable, true); // a folded solution opens
  // Formulas are set as they come into view, and measured again when their fonts have come.
  let soon = null;
  const again = () => {
    clearTimeout(soon);
    soon = setTimeout(reachable, 400);
  };
  document.fonts.addEventListener("loadingdone", again);
  new MutationObserver(again).observe(document.querySelector(".bd-article") || document.body, { childList: true, subtree: true });
})();
